import { describe, expect, test } from 'vitest';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { latencyPredictions } from '../../../attributes/latency-predictions.ts';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import {
  makeCycle,
  makeEndpoint,
  makeInflightLoad,
  makeLatencyPredictions,
  makePlugin,
  makePrefixMatches,
} from '../../../testing/index.ts';
import { prefixCacheAffinityFilter } from './prefix-cache-affinity-filter.ts';

const candidates = ['a', 'b', 'c'].map((name) => makeEndpoint(name));
type Tokens = Record<string, { tokens: number }>;

interface Situation {
  readonly matched?: Record<string, number>;
  readonly load?: Tokens | 'unknown';
  readonly parameters?: Record<string, unknown>;
  readonly draw?: number;
}

function kept({
  matched = { a: 10, b: 8, c: 7 },
  load = {},
  parameters,
  draw = 0.5,
}: Situation): string {
  const cycle = makeCycle({
    attributes: [
      [prefixMatches(), makePrefixMatches(matched)],
      ...(load === 'unknown' ? [] : [[inflightLoad(), makeInflightLoad(load)] as const]),
    ],
  });
  const { filter } = makePlugin(prefixCacheAffinityFilter, parameters, {
    random: { next: () => draw },
  });
  return (filter?.filter(cycle, candidates) ?? []).map(({ name }) => name).join('');
}

function keptByPrediction(
  predictions: Parameters<typeof makeLatencyPredictions>[0] | undefined,
): string {
  const cycle = makeCycle({
    attributes: [
      [prefixMatches(), makePrefixMatches({ a: 10, b: 8, c: 7 })],
      ...(predictions === undefined
        ? []
        : [[latencyPredictions(), makeLatencyPredictions(predictions)] as const]),
    ],
  });
  const { filter } = makePlugin(prefixCacheAffinityFilter, { ttftSource: 'latencyPredictor' });
  return (filter?.filter(cycle, candidates) ?? []).map(({ name }) => name).join('');
}

describe('the prefix-cache affinity filter', () => {
  test.each<[string, Situation, string]>([
    ['keeps what holds at least the threshold', {}, 'ab'],
    ['takes another threshold', { parameters: { affinityThreshold: 0.95 } }, 'a'],
    ['keeps all where none is sticky', { matched: { a: 7 } }, 'abc'],
    ['keeps all where all are sticky', { matched: { a: 9, b: 9, c: 9 } }, 'abc'],
    [
      'ignores stickiness with the probability of exploration',
      { parameters: { explorationProbability: 0.6 } },
      'abc',
    ],
    ['explores no more often than that', { parameters: { explorationProbability: 0.4 } }, 'ab'],
    ['keeps all where load is unknown', { load: 'unknown' }, 'abc'],
    [
      'does not need to know load where any wait is fine',
      { load: 'unknown', parameters: { maxTTFTPenaltyMs: 0 } },
      'ab',
    ],
  ])('%s', (_name, situation, expected) => {
    expect(kept(situation)).toBe(expected);
  });

  // 286,704 tokens take 18 s at 15,928 tokens per second.
  test.each([
    [286_704, 'ab'],
    [286_705, 'abc'],
  ])('with %d tokens more to wait for on the best sticky endpoint keeps %s', (tokens, expected) => {
    const load = { a: { tokens: tokens + 1000 }, b: { tokens: tokens + 5 }, c: { tokens: 5 } };
    expect(kept({ load })).toBe(expected);
  });

  test.each([
    [18_000, 'ab'],
    [18_001, 'abc'],
  ])(
    'with a first token predicted %d ms later on the best sticky endpoint keeps %s',
    (ms, expected) => {
      const predictions = { a: { ttftMs: ms + 90 }, b: { ttftMs: ms + 50 }, c: { ttftMs: 50 } };
      expect(keptByPrediction(predictions)).toBe(expected);
    },
  );

  test.each([
    ['of the sticky ones', { c: { ttftMs: 50 } }],
    ['of the others', { a: { ttftMs: 50 }, b: { ttftMs: 60 } }],
    ['at all', undefined],
  ])('keeps all where nothing is predicted %s', (_, predictions) => {
    expect(keptByPrediction(predictions)).toBe('abc');
  });

  test('reads in-flight load only where the wait is limited', () => {
    const consumes = (parameters: Record<string, unknown>) =>
      prefixCacheAffinityFilter.consumes?.(prefixCacheAffinityFilter.parameters.parse(parameters));
    expect(consumes({})).toEqual([prefixMatches(), inflightLoad()]);
    expect(consumes({ maxTTFTPenaltyMs: 0 })).toEqual([prefixMatches()]);
    expect(consumes({ ttftSource: 'latencyPredictor' })).toEqual([
      prefixMatches(),
      latencyPredictions(),
    ]);
  });
});
