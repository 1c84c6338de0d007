// SPDX-License-Identifier: Apache-2.0
import { endOnSignals, keepHeapLean } from '@llm-d/app-process';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { startRelay } from './app.ts';
import { relayCommand } from './options.ts';
import { startError } from './start-error.ts';

// Set when the bundle is made; sources have no version.
const version = process.env.LLMD_VERSION ?? '0.0.0-source';

const command = relayCommand(version, process.env, async (options) => {
  keepHeapLean();
  const logger = createPinoLogger({ name: 'kv-relay', level: options.logLevel });
  const relay = await startRelay(options, logger);
  endOnSignals(process, {
    logger,
    end: (signal) => {
      logger.info('stopping', { signal, sources: relay.relay.sources().length });
      return relay.close();
    },
  });
  // Whatever the log level, whoever started this program learns where it serves.
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url: relay.url })}\n`);
});

try {
  await command.parseAsync();
} catch (error) {
  const reason = startError(error);
  if (reason === undefined) throw error;
  process.stderr.write(`kv-relay: ${reason}\n`);
  process.exit(1);
}
