import { expect, test } from 'vitest';
import { makePlugin } from '../../testing/index.ts';
import { edfOrderingPolicy } from './edf-ordering-policy/edf-ordering-policy.ts';
import { fcfsOrderingPolicy } from './fcfs-ordering-policy/fcfs-ordering-policy.ts';
import { makeQueued, orderOf, partOf } from './policy.testing.ts';
import { sloDeadlineOrderingPolicy } from './slo-deadline-ordering-policy/slo-deadline-ordering-policy.ts';

const a = makeQueued({ id: 'a', sequence: 1 });
const b = makeQueued({ id: 'b', sequence: 2 });
const c = makeQueued({ id: 'c', sequence: 3 });

test.each([
  ['fcfs: the earliest beginning first', fcfsOrderingPolicy, [{ ...a, enqueuedMs: 5 }, b], 'ba'],
  ['fcfs: of one instant, who came first', fcfsOrderingPolicy, [c, b, a], 'abc'],
  [
    'edf: the earliest deadline first, waiting for ever last',
    edfOrderingPolicy,
    [a, { ...b, expiresMs: 900 }, { ...c, expiresMs: 100, enqueuedMs: 50 }],
    'cba',
  ],
  [
    'edf: of one deadline, the earliest beginning',
    edfOrderingPolicy,
    [
      { ...a, expiresMs: 100, enqueuedMs: 50 },
      { ...b, expiresMs: 100, enqueuedMs: 40 },
    ],
    'ba',
  ],
  ['edf: two that may wait for ever as they came', edfOrderingPolicy, [b, a], 'ab'],
  [
    'slo-deadline: arrival and objective make the deadline',
    sloDeadlineOrderingPolicy,
    [
      { ...a, receivedMs: 0, ttftObjectiveMs: 300 },
      { ...b, receivedMs: 100, ttftObjectiveMs: 150 },
      { ...c, receivedMs: 290, ttftObjectiveMs: 0 },
    ],
    'bca',
  ],
  [
    'slo-deadline: those without an objective last, as they arrived',
    sloDeadlineOrderingPolicy,
    [
      { ...a, receivedMs: 9 },
      { ...b, receivedMs: 3 },
      { ...c, ttftObjectiveMs: 1e9 },
    ],
    'cba',
  ],
] as const)('%s', (_, definition, requests, order) => {
  expect(orderOf(partOf(makePlugin(definition), 'orderingPolicy'), requests)).toBe(order);
});
