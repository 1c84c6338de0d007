// SPDX-License-Identifier: Apache-2.0
import { endOnSignals, keepHeapLean } from '@llm-d/app-process';
import { readLatencyPredictorSettings } from '@llm-d/endpoint-picker';
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
  keepHeapLean();
  const logger = createPinoLogger({ name: 'gateway', level: options.logLevel });
  const gateway = await startGateway(options, logger, {
    build: { version, commit },
    latencyPredictor: readLatencyPredictorSettings(process.env),
    tracing: options.tracing ? tracingSettings(logger) : undefined,
  });

  // A second signal, from the terminal or an impatient person, changes nothing.
  endOnSignals(process, {
    logger,
    end: (signal) => {
      logger.info('stopping', { signal, inFlight: gateway.inFlight() });
      return gateway.close();
    },
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
