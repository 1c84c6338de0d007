import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeEndpoint, type EndpointBuilder } from '../../testing/index.ts';
import { scoreByReservedLoad } from './reserved-load.ts';

const scores = (...endpoints: EndpointBuilder[]): number[] => [
  ...scoreByReservedLoad(endpoints, (metrics) => metrics.waitingRequests),
];
const a = makeEndpoint('a');
const b = makeEndpoint('b');
const c = makeEndpoint('c');

describe('load with reservations', () => {
  test('is min-max normalised', () => {
    expect(scores(a.queue(10), b.queue(0), c.queue(5))).toEqual([0, 1, 0.5]);
  });

  test('adds reservations to what was scraped', () => {
    expect(scores(a.queue(6).reserved(4), b.queue(0), c.queue(3).reserved(2))).toEqual([0, 1, 0.5]);
  });

  test.each([
    { name: 'one reservation costs an eighth', reserved: [1, 0, 0], expected: [0.875, 1, 1] },
    { name: 'eight cost everything', reserved: [8, 4, 0], expected: [0, 0.5, 1] },
    { name: 'more than eight widen the span', reserved: [16, 4, 0], expected: [0, 0.75, 1] },
    { name: 'equal ones cost nothing', reserved: [5, 5, 5], expected: [1, 1, 1] },
  ])('where all scraped loads are equal, $name', ({ reserved, expected }) => {
    const [x = 0, y = 0, z = 0] = reserved;
    expect(scores(a.queue(3).reserved(x), b.queue(3).reserved(y), c.queue(3).reserved(z))).toEqual(
      expected,
    );
  });

  test('keeps its span of eight only where all scraped loads are equal', () => {
    expect(scores(a.queue(1), b.queue(0).reserved(2))).toEqual([1, 0]);
  });

  test('without reservations is exactly (max − load) / (max − min), or 1 where all are equal', () => {
    const queues = fc.array(fc.nat({ max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(queues, (waiting) => {
        const max = Math.max(...waiting);
        const min = Math.min(...waiting);
        const upstream = waiting.map((queue) => (max === min ? 1 : (max - queue) / (max - min)));
        const endpoints = waiting.map((queue, i) => makeEndpoint(`e${i}`, i).queue(queue));
        expect(scores(...endpoints)).toEqual(upstream);
      }),
    );
  });

  test('gives nothing for no endpoints', () => {
    expect(scores()).toEqual([]);
  });
});
