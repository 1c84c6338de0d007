import { describe, expect, test } from 'vitest';
import {
  latencyPredictions,
  type LatencyPrediction,
} from '../../../attributes/latency-predictions.ts';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import {
  makeCycle,
  makeEndpoint,
  makeLatencyPredictions,
  makePlugin,
  makePrefixMatches,
} from '../../../testing/index.ts';
import { latencyScorer } from './latency-scorer.ts';

/** Headrooms to the first token and for further ones, and what is in flight. */
type Headroom = readonly [ttft: number, tpot: number, inFlight?: number];

function scores(headrooms: readonly (Headroom | undefined)[], parameters = {}): number[] {
  const names = headrooms.map((_, i) => `e${i}`);
  const predictions = Object.fromEntries(
    headrooms.flatMap((headroom, i): [string, Partial<LatencyPrediction>][] => {
      if (headroom === undefined) return [];
      const [ttftHeadroomMs, tpotHeadroomMs, dispatchedRequests = 1] = headroom;
      return [[`e${i}`, { ttftHeadroomMs, tpotHeadroomMs, dispatchedRequests }]];
    }),
  );
  const attributes = [[latencyPredictions(), makeLatencyPredictions(predictions)]] as const;
  const { scorer } = makePlugin(latencyScorer, parameters);
  const candidates = names.map((name, i) => makeEndpoint(name, i));
  return Array.from(scorer?.score(makeCycle({ attributes }), candidates) ?? []);
}

describe('predicted latency', () => {
  test.each<[string, (Headroom | undefined)[], object, number[]]>([
    [
      'fills up to the objective',
      [
        [0, 5],
        [50, 5],
        [100, 5],
      ],
      {},
      [1, 0.51, 0.01],
    ],
    [
      'keeps away from it if told so',
      [
        [0, 5],
        [50, 5],
        [100, 5],
      ],
      { headroomSelectionStrategy: 'most' },
      [0.01, 0.51, 1],
    ],
    [
      'weighs both headrooms',
      [
        [0, 10],
        [100, 0],
      ],
      { ttftWeight: 3, tpotWeight: 1 },
      [0.76, 0.26],
    ],
    [
      'takes other weights',
      [
        [0, 10],
        [100, 0],
      ],
      { ttftWeight: 0, tpotWeight: 1 },
      [0.01, 1],
    ],
    [
      'a flat dimension counts for nothing',
      [
        [7, 0],
        [7, 10],
      ],
      {},
      [1, 0.01],
    ],
    [
      'equal endpoints are equal',
      [
        [7, 3],
        [7, 3],
      ],
      {},
      [0.51, 0.51],
    ],
    [
      'one in time beats all that are late',
      [
        [5, 5],
        [-1, 5],
        [5, -1],
      ],
      {},
      [0.51, 0, 0],
    ],
    ['one that nothing is known of counts as in time', [undefined, [-1, 0]], {}, [0.51, 0]],
    [
      'among the late an idle one is best',
      [
        [-1, -1, 4],
        [-900, -90, 0],
      ],
      {},
      [0, 0.51],
    ],
    [
      'then those late with further tokens only',
      [
        [-1, 0],
        [0, -1],
        [-1, -1],
      ],
      {},
      [0, 0.51, 0],
    ],
    [
      'then those late with the first only',
      [
        [-1, -1],
        [-5, 0],
      ],
      {},
      [0, 0.51],
    ],
    [
      'of deficits the least is best, whatever the strategy',
      [
        [-100, -9],
        [-10, -9],
      ],
      { headroomSelectionStrategy: 'most' },
      [0.01, 1],
    ],
    [
      'without weights the first token counts',
      [
        [0, 9],
        [9, 0],
      ],
      { ttftWeight: 0, tpotWeight: 0 },
      [1, 0.01],
    ],
  ])('%s', (_name, headrooms, parameters, expected) => {
    expect(scores(headrooms, parameters)).toEqual(expected);
  });
});

describe('without predictions', () => {
  const candidates = [
    makeEndpoint('a').queue(10).kvUsage(0.5),
    makeEndpoint('b').queue(0).kvUsage(0.9),
    makeEndpoint('c').queue(5).kvUsage(0),
  ];
  const composite = (parameters = {}) => {
    const attributes = [[prefixMatches(), makePrefixMatches({ a: 10, c: 5 })]] as const;
    const { scorer } = makePlugin(latencyScorer, parameters);
    return Array.from(scorer?.score(makeCycle({ attributes }), candidates) ?? []);
  };
  const only = (name: string) => ({
    compositeKVWeight: 0,
    compositeQueueWeight: 0,
    compositePrefixWeight: 0,
    [name]: 2,
  });

  test.each([
    ['free cache', only('compositeKVWeight'), [0.5, 0.1, 1]],
    ['a short queue', only('compositeQueueWeight'), [0, 1, 0.5]],
    ['a cached prefix', only('compositePrefixWeight'), [1, 0, 0.5]],
    ['all three alike', {}, [0.5, 0.37, 0.67]],
    ['free cache where nothing has a weight', only('nothing'), [0.5, 0.1, 1]],
  ])('%s counts', (name, parameters, expected) => {
    const { nothing: _, ...known } = parameters as Record<string, number>;
    expect(composite(known), name).toEqual(expected);
  });

  test('equal queues all count as short', () => {
    const { scorer } = makePlugin(latencyScorer, only('compositeQueueWeight'));
    expect(scorer?.score(makeCycle(), [makeEndpoint('a')])).toEqual(Float64Array.of(1));
  });
});
