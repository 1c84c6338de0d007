// SPDX-License-Identifier: Apache-2.0
import { endOnSignals, keepHeapLean } from '@llm-d/app-process';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { readFileSync } from 'node:fs';
import { startSidecar } from './app.ts';
import { readCommand, type SidecarOptions } from './options.ts';
import { hostPortOf } from './routing/target.ts';
import { startError } from './start-error.ts';

// Set when the bundle is made; sources have no version.
const version = process.env.LLMD_VERSION ?? '0.0.0-source';

async function run(options: SidecarOptions): Promise<void> {
  keepHeapLean();
  const logger = createPinoLogger({ name: 'routing-sidecar', level: options.logLevel });
  for (const note of options.notes) logger.warn(note);
  const sidecar = await startSidecar(options, logger, { version });
  endOnSignals(process, {
    logger,
    end: (signal) => {
      logger.info('stopping', { signal, inFlight: sidecar.inFlight() });
      return sidecar.close();
    },
    hurry: () => {
      sidecar.hurry();
    },
  });
  // Whatever the log level, whoever started this program learns where it serves.
  const scheme = sidecar.secure ? 'https' : 'http';
  const urls = sidecar.ports.map(
    (port) => `${scheme}://${hostPortOf(options.host ?? '127.0.0.1', port)}`,
  );
  const { metricsPort } = sidecar;
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url: urls[0], urls, metricsPort })}\n`);
}

try {
  const command = readCommand(process.argv.slice(2), {
    environment: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (command.kind === 'run') await run(command.options);
  else process.stdout.write(`${command.kind === 'help' ? command.text : version}\n`);
} catch (error) {
  const reason = startError(error);
  if (reason === undefined) throw error;
  process.stderr.write(`routing-sidecar: ${reason}\n`);
  process.exit(1);
}
