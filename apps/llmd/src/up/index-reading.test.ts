import { expect, test } from 'vitest';
import { readIndex } from './index-reading.ts';

const source = (pod: string, state: string, dpRank = 0) => ({
  source: { pod, dpRank, model: 'm', epoch: 'e' },
  ...{ state, sequence: 3, ageMs: 10, lagMs: 2, lostBatches: 0, restarts: 0 },
});
const states = (sources: readonly object[]) =>
  Buffer.from(
    JSON.stringify({
      timestamp: '2026-01-02T03:04:05.678Z',
      plugins: {
        'queue-scorer': { type: 'queue-scorer', message: 'the plugin shows no state' },
        mine: {
          type: 'precise-prefix-cache-producer',
          state: {
            backend: 'memory',
            tokenParity: { trusted: true, share: 1, trials: 3 },
            freshness: { isCaughtUp: true, sources: 1, wholeSources: 1, lostBatches: 0 },
            sources,
            index: { blocks: 120, copies: 130 },
          },
        },
      },
    }),
  );
const members = [
  { name: 'first', address: '10.0.0.1:8000' },
  { name: 'second', address: '10.0.0.2:8000' },
];

test('engines are found by their addresses; what was never heard of is missing', () => {
  expect(readIndex(states([source('10.0.0.1:8000', 'whole')]), members)).toEqual({
    blocks: 120,
    isCaughtUp: true,
    isTrusted: true,
    engines: new Map([['first', { state: 'whole', lagMs: 2 }]]),
  });
});

test('an engine of several ranks is as well known as the worst of them', () => {
  const sources = [source('10.0.0.2:8000', 'whole'), source('10.0.0.2:8000', 'silent', 1)];
  expect(readIndex(states(sources), members)?.engines.get('second')?.state).toBe('silent');
});

test('a gateway without an index says nothing', () => {
  const text = JSON.stringify({ plugins: { a: { type: 'approx-prefix-cache-producer' } } });
  expect(readIndex(Buffer.from(text), members)).toBeUndefined();
});
