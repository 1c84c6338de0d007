// SPDX-License-Identifier: Apache-2.0
import { endOnSignals, keepHeapLean } from '@llm-d/app-process';
import { formatHostPort } from '@llm-d/scheduler-core';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { startKvIndexer } from './app.ts';
import { kvIndexerCommand } from './options.ts';
import { startError } from './start-error.ts';

// Set when the bundle is made; sources have no version.
const version = process.env.LLMD_VERSION ?? '0.0.0-source';

const command = kvIndexerCommand(version, process.env, async (options) => {
  keepHeapLean();
  const logger = createPinoLogger({ name: 'kv-indexer', level: options.logLevel });
  const indexer = await startKvIndexer(options, logger);

  endOnSignals(process, {
    logger,
    end: (signal) => {
      logger.info('stopping', { signal });
      return indexer.close();
    },
    // A second call ends the waiting for snapshot and Redis.
    hurry: () => void indexer.close(),
  });
  // Whatever the log level, whoever started this program learns where it serves.
  const host = options.host === '0.0.0.0' ? '127.0.0.1' : options.host;
  const ready = {
    msg: 'ready',
    url: `http://${formatHostPort(host, indexer.httpPort)}`,
    grpc: formatHostPort(host, indexer.grpcPort),
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
});

try {
  await command.parseAsync();
} catch (error) {
  const reason = startError(error);
  if (reason === undefined) throw error;
  process.stderr.write(`kv-indexer: ${reason}\n`);
  process.exit(1);
}
