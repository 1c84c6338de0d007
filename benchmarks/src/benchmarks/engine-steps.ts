// SPDX-License-Identifier: Apache-2.0
import { VirtualClock, createRandom } from '@llm-d/determinism';
import { builtInProfiles, createEngine } from '@llm-d/engine-sim';
import type { Benchmark, Figure } from '../benchmark.ts';

const PROMPT_TOKENS = 1000;
const OUTPUT_TOKENS = 250;
const CONCURRENCIES = [1, 16, 64] as const;
/** The concurrency the promise is about. */
const PROMISED = 16;

/** Steps a minute of CPU of an engine that always has `concurrency` requests. */
function stepsPerMinute(concurrency: number, cpuMs: number): number {
  const [profile] = builtInProfiles;
  if (profile === undefined) throw new Error('there is no built-in profile');
  const clock = new VirtualClock();
  const engine = createEngine({ profile, clock, random: createRandom(1) });
  let started = 0;
  const submit = (): void => {
    const first = started++ * PROMPT_TOKENS;
    engine.submit(
      {
        promptTokens: Uint32Array.from({ length: PROMPT_TOKENS }, (_, i) => first + i),
        maxTokens: OUTPUT_TOKENS,
        ignoreEos: true,
      },
      { onToken: () => undefined, onFinish: submit },
    );
  };
  for (let i = 0; i < concurrency; i++) submit();
  const stepsBefore = engine.snapshot().steps;
  const before = process.cpuUsage();
  let usedMs: number;
  do {
    clock.advance(1000);
    const { user, system } = process.cpuUsage(before);
    usedMs = (user + system) / 1000;
  } while (usedMs < cpuMs);
  return ((engine.snapshot().steps - stepsBefore) * 60_000) / usedMs;
}

/** How fast simulated engines run in virtual time. */
export const engineSteps: Benchmark = {
  name: 'engine-steps',
  summary: `steps of a simulated engine in virtual time, ${PROMPT_TOKENS} tokens in and ${OUTPUT_TOKENS} out`,
  runnerIs: 'subject',
  run: ({ quick }) => {
    const figures = CONCURRENCIES.map((concurrency): Figure => {
      stepsPerMinute(concurrency, quick ? 200 : 1000);
      const samples = Array.from({ length: quick ? 3 : 7 }, () =>
        stepsPerMinute(concurrency, quick ? 200 : 1000),
      );
      return {
        name: `${concurrency} request${concurrency === 1 ? '' : 's'} at a time`,
        unit: 'steps/CPU min',
        samples,
        ...(concurrency === PROMISED && { bar: { atLeast: 1_000_000 } }),
      };
    });
    return Promise.resolve({ figures, remarks: [] });
  },
};
