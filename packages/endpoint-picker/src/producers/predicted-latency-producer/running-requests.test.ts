import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRunningRequests } from './running-requests.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');

test('requests count on their own endpoint until they end', () => {
  const running = createRunningRequests(1000);
  const endFirst = running.start(a, 0, 0);
  running.start(a, 0, 0);
  running.start(b, 0, 0);
  expect([running.count(a, 0), running.count(b, 0)]).toEqual([2, 1]);
  endFirst();
  endFirst();
  expect(running.count(a, 0)).toBe(1);
});

test('a request without an objective does not hide that of others', () => {
  const running = createRunningRequests(1000);
  running.start(a, 0, 0);
  running.start(a, 30, 0);
  expect(running.tightestTpotMs(a, 0)).toBe(30);
  expect(running.tightestTpotMs(b, 0)).toBe(0);
});

test('the tightest objective is always that of the requests that run', () => {
  const objective = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(fc.array(fc.tuple(objective, fc.nat(20))), (steps) => {
      const running = createRunningRequests(Infinity);
      const open: { objective: number; end: () => void }[] = [];
      for (const [value, which] of steps) {
        if (which % 2 === 0) open.push({ objective: value, end: running.start(a, value, 0) });
        else open.splice(which % Math.max(1, open.length), 1)[0]?.end();
        const known = open.map((one) => one.objective).filter((one) => one > 0);
        expect(running.tightestTpotMs(a, 0)).toBe(known.length === 0 ? 0 : Math.min(...known));
      }
    }),
  );
});

test('one that runs too long is taken for lost', () => {
  const running = createRunningRequests(1000);
  const end = running.start(a, 10, 0);
  running.start(a, 20, 600);
  expect(running.tightestTpotMs(a, 999)).toBe(10);
  expect(running.tightestTpotMs(a, 1000)).toBe(20);
  end();
  expect(running.count(a, 1000)).toBe(1);
});

test('what ran on an endpoint that left does not burden the next one in its slot', () => {
  const running = createRunningRequests(1000);
  const end = running.start(a, 10, 0);
  running.forget(a);
  const successor = makeEndpoint('c', a.slot);
  running.start(successor, 40, 0);
  end();
  expect([running.count(successor, 0), running.tightestTpotMs(successor, 0)]).toEqual([1, 40]);
});
