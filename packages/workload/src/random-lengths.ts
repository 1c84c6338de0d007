// SPDX-License-Identifier: Apache-2.0
import { createRandom, normal, type Random } from '@llm-d/determinism';
import { arrivalsUntilEnd, type ArrivalOptions } from './arrivals.ts';
import { pseudoText } from './pseudo-text.ts';
import { openLoopWorkload, type Workload, type WorkloadRequest } from './workload.ts';

/** A normal distribution of lengths, rounded to whole tokens and kept within its bounds. */
export interface LengthDistribution {
  readonly mean: number;
  /** Default 0: every length is the mean. */
  readonly standardDeviation?: number;
  /** Default 1. */
  readonly min?: number;
  /** Default: no bound. */
  readonly max?: number;
}

/** Parameters of the workload without any prefix to share. */
export interface RandomLengthsOptions extends ArrivalOptions {
  readonly seed: number;
  readonly input: LengthDistribution;
  readonly output: LengthDistribution;
}

/** Prompts that have nothing in common, of random lengths. */
export function randomLengthsWorkload(options: RandomLengthsOptions): Workload {
  const { seed, ratePerSecond, arrival = 'poisson', durationMs, input, output } = options;
  const parameters = {
    ratePerSecond,
    arrival,
    durationMs,
    inputTokens: describe(input),
    outputTokens: describe(output),
  };
  return openLoopWorkload({ name: 'random', seed, parameters }, () => ask(options));
}

function* ask(options: RandomLengthsOptions): Generator<WorkloadRequest> {
  const { seed } = options;
  const random = createRandom(seed);
  let index = 0;
  for (const intendedAtMs of arrivalsUntilEnd(options, random)) {
    const inputTokens = drawLength(options.input, random);
    yield {
      intendedAtMs,
      prompt: pseudoText(`u${index++}.`, { seed, tokens: inputTokens }),
      inputTokens,
      maxTokens: drawLength(options.output, random),
    };
  }
}

/** A length in whole tokens within the distribution's bounds. */
export function drawLength(distribution: LengthDistribution, random: Random): number {
  const { mean, standardDeviation = 0, min = 1, max = Infinity } = distribution;
  return Math.min(max, Math.max(min, Math.round(normal(random, mean, standardDeviation))));
}

const describe = ({ mean, standardDeviation = 0 }: LengthDistribution): string =>
  standardDeviation === 0 ? `${mean}` : `${mean} ± ${standardDeviation}`;
