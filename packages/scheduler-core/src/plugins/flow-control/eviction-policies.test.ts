import { expect, test } from 'vitest';
import type { InFlightRequest } from '../../flow-control-contracts.ts';
import { makePlugin } from '../../testing/index.ts';
import { evictionPriorityThenTimeOrdering } from './eviction-priority-then-time-ordering/eviction-priority-then-time-ordering.ts';
import { evictionSheddableFilter } from './eviction-sheddable-filter/eviction-sheddable-filter.ts';
import { partOf } from './policy.testing.ts';

const inFlight = (id: string, priority: number, placedMs = 0): InFlightRequest => ({
  id,
  priority,
  placedMs,
  fairnessId: 'a',
});

test.each([
  [-1, true],
  [0, false],
  [5, false],
])('priority %d may be ended: %s', (priority, evictable) => {
  const filter = partOf(makePlugin(evictionSheddableFilter), 'evictionFilter');
  expect(filter.isEvictable(inFlight('r', priority))).toBe(evictable);
});

test('the lowest priority is ended first, among equals the newest', () => {
  const ordering = partOf(makePlugin(evictionPriorityThenTimeOrdering), 'evictionOrdering');
  const requests = [inFlight('a', -1, 9), inFlight('b', -2, 1), inFlight('c', -2, 5)];
  expect(requests.sort((a, b) => ordering.compare(a, b)).map(({ id }) => id)).toEqual([
    'c',
    'b',
    'a',
  ]);
});
