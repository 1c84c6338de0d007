// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { FlowChooser, WaitingFlow } from '../../../flow-control-contracts.ts';
import type { TokenUsage } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { ProgramBook } from './program-book.ts';

const weight = z.number().min(0);

const parameters = z.strictObject({
  strategy: z
    .enum(['las'])
    .default('las')
    .describe('How programs compare: least attained service first.'),
  lasWeightService: weight
    .default(0.8)
    .describe('Weight of how little service a program has had, among those that wait.'),
  lasWeightHeadWait: weight
    .default(0.2)
    .describe('Weight of how long a program’s first request has waited, among those that wait.'),
  lasHalfLifeSeconds: z
    .number()
    .min(0)
    .default(60)
    .describe('Time in which half of the service a program had is forgotten; 0 forgets nothing.'),
  evictionTtlSeconds: z
    .number()
    .min(0)
    .default(3600)
    .describe('How long a program without requests is remembered; 0 = while there is room.'),
  evictionSweepSeconds: z
    .number()
    .positive()
    .default(300)
    .describe('Shortest time between two removals of forgotten programs.'),
  maxPrograms: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Most programs remembered; the one without requests for longest goes first.'),
});
type Parameters = z.infer<typeof parameters>;

/** Serves the program first that has had the least of the engines lately. */
export const programAwareFairness = definePlugin({
  type: 'program-aware-fairness',
  summary: 'Serves the program first that has had the fewest tokens lately.',
  stability: 'beta',
  points: ['fairness-policy'],
  parameters,
  create: (settings, { telemetry }) => {
    const book = new ProgramBook({
      halfLifeMs: settings.lasHalfLifeSeconds * 1000,
      ttlMs: settings.evictionTtlSeconds * 1000,
      sweepMs: settings.evictionSweepSeconds * 1000,
      maxPrograms: settings.maxPrograms,
      metrics: telemetry.metrics,
    });
    return {
      fairnessPolicy: {
        forBand: () => createChooser(book, settings),
        dispatched: ({ fairnessId, enqueuedMs }, nowMs) => {
          book.dispatched(fairnessId, { waitedMs: nowMs - enqueuedMs, nowMs });
        },
        ended: ({ fairnessId }, usage, nowMs) => {
          book.ended(fairnessId, { tokens: costOf(usage), nowMs });
        },
      },
    };
  },
});

/** An output token costs the engines about twice as much as one of the prompt. */
const costOf = (usage: TokenUsage | undefined): number =>
  usage === undefined ? 0 : usage.promptTokens + 2 * usage.completionTokens;

function createChooser(book: ProgramBook, settings: Parameters): FlowChooser {
  const flows = new Set<WaitingFlow>();
  return {
    added: (flow) => {
      flows.add(flow);
    },
    changed: () => undefined,
    removed: (flow) => {
      flows.delete(flow);
    },
    choose: (nowMs) => {
      const waiting = [...flows];
      const services = places(waiting.map(({ fairnessId }) => book.serviceOf(fairnessId, nowMs)));
      const waits = places(waiting.map((flow) => waitOf(flow, nowMs)));
      let best: WaitingFlow | undefined;
      let bestScore = -Infinity;
      for (const [i, flow] of waiting.entries()) {
        const score =
          settings.lasWeightService * (1 - (services[i] ?? 0)) +
          settings.lasWeightHeadWait * (waits[i] ?? 0);
        if (score > bestScore) [best, bestScore] = [flow, score];
      }
      return best;
    },
  };
}

const waitOf = ({ head }: WaitingFlow, nowMs: number): number =>
  head === undefined ? 0 : nowMs - head.enqueuedMs;

/** Each value's place between the least, which is 0, and the greatest, which is 1; 0 where all are equal. */
function places(values: readonly number[]): readonly number[] {
  let least = Infinity;
  let greatest = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  const range = greatest - least;
  return values.map((value) => (range > 0 ? (value - least) / range : 0));
}
