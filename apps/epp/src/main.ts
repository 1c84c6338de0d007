// SPDX-License-Identifier: Apache-2.0
import { formatHostPort } from '@llm-d/scheduler-core';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { startEpp } from './app.ts';
import { keepHeapLean } from './lean-heap.ts';
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

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    logger.info('stopping', { signal, streams: epp.streams });
    const closed = epp.close();
    // The first signal starts the drain, a second one ends the waiting in it.
    if (stopping) return;
    stopping = true;
    closed.then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('stopped badly', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Set where another program started this one: its end ends the channel.
  process.once('disconnect', () => {
    stop('SIGTERM');
    stop('SIGTERM');
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
