// SPDX-License-Identifier: Apache-2.0
import { endOnSignals, keepHeapLean } from '@llm-d/app-process';
import { formatHostPort } from '@llm-d/scheduler-core';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { startEpp } from './app.ts';
import { readCommand, type EppOptions } from './options.ts';
import { startError } from './start-error.ts';

// Set when the bundle is made; sources have no version.
const version = process.env.LLMD_VERSION ?? '0.0.0-source';
// Set in images.
const commit = process.env.LLMD_COMMIT ?? 'unknown';

async function run(options: EppOptions): Promise<void> {
  keepHeapLean();
  const logger = createPinoLogger({ name: 'epp', level: options.logLevel });
  const epp = await startEpp(options, logger, { version, commit });

  endOnSignals(process, {
    logger,
    end: (signal) => {
      logger.info('stopping', { signal, streams: epp.streams });
      return epp.close();
    },
    // A second call ends the waiting of the drain.
    hurry: () => void epp.close(),
  });
  // Whatever the log level, whoever started this program learns where it serves.
  const at = (port: number) => formatHostPort(options.host ?? '127.0.0.1', port);
  const ready = {
    msg: 'ready',
    url: `${options.metricsCertPath === undefined ? 'http' : 'https'}://${at(epp.adminPort)}`,
    extProc: at(epp.grpcPort),
    secure: options.secure,
    health: at(epp.healthPort),
  };
  process.stdout.write(`${JSON.stringify(ready)}\n`);
}

try {
  const command = readCommand(process.argv.slice(2), process.env);
  if (command.kind === 'run') await run(command.options);
  else process.stdout.write(`${command.kind === 'help' ? command.text : version}\n`);
} catch (error) {
  const reason = startError(error);
  if (reason === undefined) throw error;
  process.stderr.write(`epp: ${reason}\n`);
  process.exit(1);
}
