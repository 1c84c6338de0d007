// SPDX-License-Identifier: Apache-2.0
import { createPinoLogger } from '@llm-d/telemetry/pino';
import { noopMetrics, noopTracer } from '@llm-d/telemetry';
import { startInferenceSim } from './app.ts';
import { withEnvironment } from './environment.ts';
import { createCommand, optionsFromFlags } from './flags.ts';

/** Answers under way may take this long when the program is told to end. */
const DRAIN_MS = 1000;

// Set when the bundle is made; sources have no version.
const command = createCommand(process.env.LLMD_VERSION ?? '0.0.0-source').parse();

async function main(): Promise<void> {
  const options = withEnvironment(optionsFromFlags(command), process.env);
  const logger = createPinoLogger({ name: 'inference-sim' });
  const telemetry = { logger, metrics: noopMetrics, tracer: noopTracer };
  const starting = startInferenceSim(options, { telemetry });
  let ending = false;
  const end = (): void => {
    // Ctrl-C arrives twice below a package manager: the second one changes nothing, the exit is ours.
    if (ending) return;
    ending = true;
    void starting
      .then((sim) => sim.close({ drainMs: DRAIN_MS }))
      .finally(() => {
        process.exit(0);
      });
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  // Set where another program started this one: its end ends the channel.
  process.once('disconnect', end);
  const { ports, kvEvents } = await starting;
  logger.info('ready', {
    model: options.servedNames[0] ?? options.engine.model,
    profile: options.profile.name,
    timeScale: options.engine.timeScale,
    urls: ports.map((port) => `http://${options.host}:${port}`),
    ...(kvEvents.length > 0 && { kvEvents }),
  });
}

main().catch((error: unknown) => {
  process.stderr.write(
    `inference-sim: ${error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exit(1);
});
