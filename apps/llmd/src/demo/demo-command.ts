// SPDX-License-Identifier: Apache-2.0
import type { Command } from 'commander';
import { runBench, type BenchDeps } from '../bench/index.ts';

/**
 * What the demo replays: minutes of the Mooncake conversation trace, `speed` times faster than recorded, on engines that
 * run as much faster. Three arms of it stay below three minutes.
 */
export const demoSettings = {
  fromMs: 60_000,
  durationMs: 120_000,
  speed: 5,
  engines: 8,
} as const;

/** Adds `demo`: the same trace on three policies, with the table at the end. */
export function registerDemoCommand(program: Command, deps: BenchDeps): void {
  program
    .command('demo')
    .description(
      'compare random, round robin and the default policy on a public trace; ends by itself',
    )
    .option('--report <file>', 'write the report as JSON')
    .option('--html <file>', 'write the report as a web page')
    .action(async ({ report, html }: { report?: string; html?: string }) => {
      const { fromMs, durationMs, speed, engines } = demoSettings;
      deps.output.write(
        `Replaying ${durationMs / 1000} seconds of the Mooncake conversation trace, ${speed} times faster than recorded,\n` +
          `on ${engines} simulated engines that run ${speed} times faster than an A100 with Llama 3.1 8B.\n` +
          'Every policy gets fresh engines; latencies are as measured, so multiply them by the speed for real time.\n\n',
      );
      await runBench(
        {
          url: '',
          compare: ['random', 'round-robin', 'default'],
          workload: 'mooncake',
          from: fromMs,
          duration: durationMs,
          speed,
          rate: 1,
          seed: 1,
          api: 'completions',
          maxInFlight: 4096,
          timeout: 60_000,
          warmUp: 0,
          ...(report !== undefined && { report }),
          ...(html !== undefined && { html }),
        },
        deps,
      );
    });
}
