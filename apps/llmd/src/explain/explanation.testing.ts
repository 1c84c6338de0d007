// SPDX-License-Identifier: Apache-2.0
import type { RecordExplanation } from '@llm-d/endpoint-picker';

const score = (plugin: string, weight: number, clamped: number) => ({
  plugin,
  weight,
  raw: clamped,
  clamped,
  weighted: weight * clamped,
});
const state = (endpoint: string) => ({
  endpoint,
  metricsAgeMs: 31,
  waitingRequests: 1,
  runningRequests: 4,
  kvCacheUsage: 0.25,
  reservedRequests: 2,
});

/** The decision about request `req/1`: pod-3 before pod-1, prefill not apart. */
export function createTestExplanation(): RecordExplanation {
  const winner = 'default/pod-3-rank-0';
  const loser = 'default/pod-1-rank-0';
  return {
    requestId: 'req/1',
    attempt: 1,
    generation: 1,
    at: '2026-01-02T03:04:05.678Z',
    model: 'm',
    targetModel: 'm',
    promptTokens: 1200,
    waitedMs: 0.4,
    refusal: undefined,
    candidates: [state(winner), state(loser)],
    prefixes: [
      {
        producer: 'precise-prefix-cache-producer',
        basis: 'events',
        note: 'of 3 sources 1 are incomplete or silent',
        freshness: {
          isCaughtUp: true,
          oldestMs: 4210.4,
          sources: 3,
          wholeSources: 2,
          lostBatches: 7,
        },
        totalBlocks: 75,
        blockSizeTokens: 16,
        endpoints: [
          {
            endpoint: winner,
            matchedBlocks: 66,
            cachedBlocks: 70,
            byTier: [
              { tier: 'gpu', blocks: 50 },
              { tier: 'cpu', blocks: 20 },
            ],
          },
        ],
      },
    ],
    answer: {
      termination: 'natural',
      status: 200,
      firstByteMs: 40,
      durationMs: 900,
      usage: { promptTokens: 1200, completionTokens: 30, cachedTokens: 1080 },
    },
    decision: {
      kind: 'scheduled',
      primary: 'decode',
      endpoints: [winner],
      stages: [{ profile: 'prefill', runs: false, reason: '412 uncached tokens < 512' }],
      profiles: [
        {
          profile: 'decode',
          candidates: [winner, loser, 'default/prefill-0-rank-0'],
          filters: [{ plugin: 'decode-filter', dropped: ['default/prefill-0-rank-0'] }],
          rated: [
            {
              endpoint: winner,
              total: 4.3,
              scores: [score('queue-scorer', 2, 0.8), score('prefix-cache-scorer', 3, 0.9)],
            },
            {
              endpoint: loser,
              total: 2.2,
              scores: [score('queue-scorer', 2, 0.8), score('prefix-cache-scorer', 3, 0.2)],
            },
          ],
          picked: [winner],
          verdict: {
            kind: 'scorer',
            plugin: 'prefix-cache-scorer',
            advantage: 2.1,
            runnerUp: loser,
            margin: 2.1,
          },
        },
      ],
    },
  };
}
