// SPDX-License-Identifier: Apache-2.0
import { readTracingEnvironment, type Logger } from '@llm-d/telemetry';
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { startError, startGateway } from './app.ts';
import { gatewayCommand } from './options.ts';

// Set when the bundle is made; sources have no version.
const version = process.env.LLMD_VERSION ?? '0.0.0-source';
// Set in images.
const commit = process.env.LLMD_COMMIT ?? 'unknown';

function tracingSettings(logger: Logger) {
  const { settings, warnings } = readTracingEnvironment(process.env, {
    serviceName: 'llm-d-gateway',
  });
  for (const warning of warnings) logger.warn(warning);
  return settings;
}

const command = gatewayCommand(version, async (options) => {
  const logger = createPinoLogger({ name: 'gateway', level: options.logLevel });
  const gateway = await startGateway(options, logger, {
    build: { version, commit },
    tracing: options.tracing ? tracingSettings(logger) : undefined,
  });

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // A second signal, from the terminal or an impatient person, must not end the drain with an error.
    if (stopping) return;
    stopping = true;
    logger.info('stopping', { signal, inFlight: gateway.inFlight() });
    gateway.close().then(
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
  });
  // Whatever the log level, whoever started this program learns where it serves.
  process.stdout.write(`${JSON.stringify({ msg: 'ready', url: gateway.url })}\n`);
});

try {
  await command.parseAsync();
} catch (error) {
  const reason = startError(error);
  if (reason === undefined) throw error;
  process.stderr.write(`gateway: ${reason}\n`);
  process.exit(1);
}
