import type { SchedulingResult } from '@llm-d/scheduler-core';
import { makeEndpoint, makePrefixMatches } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import type { DecisionRecord } from './decision-log.ts';
import { explainRecord, summarizeRecord } from './record-explanation.ts';
import { noEndpoints } from './refusal.ts';

const a = makeEndpoint('a').queue(3).reserved(2).metric({ updatedAtMs: 70 });
const b = makeEndpoint('b').metric({ updatedAtMs: undefined });
const outcome: SchedulingResult = {
  kind: 'scheduled',
  primary: 'default',
  endpoints: [a],
  outcomes: new Map([
    [
      'default',
      {
        profile: 'default',
        candidates: [a, b],
        filters: [],
        scored: [a, b],
        scorers: [{ plugin: 'queue-scorer', weight: 2, raw: [1, 0.5] }],
        totals: [2, 1],
        picked: [a],
      },
    ],
  ]),
};
const record: DecisionRecord = {
  requestId: 'r1',
  attempt: 1,
  generation: 1,
  atEpochMs: 0,
  atMs: 100,
  model: 'm',
  targetModel: 'm',
  promptTokens: 12,
  waitedMs: 1,
  outcome,
  refusal: undefined,
  answer: undefined,
};

test('an explanation says how fresh the knowledge of every candidate was', () => {
  expect(explainRecord(record)).toMatchObject({
    requestId: 'r1',
    at: '1970-01-01T00:00:00.000Z',
    candidates: [
      { endpoint: 'default/a-rank-0', metricsAgeMs: 30, waitingRequests: 3, reservedRequests: 2 },
      { endpoint: 'default/b-rank-0', metricsAgeMs: null },
    ],
    decision: {
      kind: 'scheduled',
      endpoints: ['default/a-rank-0'],
      profiles: [{ verdict: { kind: 'scorer', plugin: 'queue-scorer', margin: 1 } }],
    },
  });
});

test('a summary names the place or the reason there is none', () => {
  expect(summarizeRecord(record)).toMatchObject({ endpoint: 'default/a-rank-0' });
  const refused = { ...record, outcome: undefined, refusal: noEndpoints('none') };
  expect(summarizeRecord(refused)).toMatchObject({
    endpoint: undefined,
    refusal: 'rejected-no-endpoints',
  });
  expect(explainRecord(refused).candidates).toEqual([]);
});

test('an explanation says what producers knew of the prompt, on what grounds and where', () => {
  const freshness = {
    isCaughtUp: true,
    oldestMs: 12,
    sources: 2,
    wholeSources: 2,
    lostBatches: 0,
  };
  const byTier = [{ tier: 'cpu', blocks: 4 }];
  const precise = {
    ...makePrefixMatches({ a: 3 }),
    cachedBlocks: ({ name }: { name: string }) => (name === 'a' ? 4 : 0),
    cachedBlocksByTier: () => byTier,
  };
  const { prefixes } = explainRecord({
    ...record,
    prefixes: [
      {
        producer: 'approximate',
        matches: makePrefixMatches({ a: 1, b: 7 }),
        knowledge: undefined,
      },
      { producer: 'precise', matches: precise, knowledge: { basis: 'events', freshness } },
      { producer: 'mute', matches: undefined, knowledge: { basis: 'none', note: 'no tokens' } },
    ],
  });
  const blocks = { totalBlocks: 10, blockSizeTokens: 16 };
  expect(prefixes).toEqual([
    {
      producer: 'approximate',
      ...blocks,
      endpoints: [
        { endpoint: 'default/b-rank-0', matchedBlocks: 7, cachedBlocks: 7 },
        { endpoint: 'default/a-rank-0', matchedBlocks: 1, cachedBlocks: 1 },
      ],
    },
    {
      producer: 'precise',
      basis: 'events',
      freshness,
      ...blocks,
      endpoints: [{ endpoint: 'default/a-rank-0', matchedBlocks: 3, cachedBlocks: 4, byTier }],
    },
    { producer: 'mute', basis: 'none', note: 'no tokens' },
  ]);
});
