import { expect, test } from 'vitest';
import { SessionBindings } from './session-bindings.ts';

const bindings = () => new SessionBindings({ ttlMs: 100, sweepMs: 50, maxSessions: 2 });

test('a binding is found until its time is up, and every use renews it', () => {
  const sessions = bindings();
  sessions.bind('s', 'a', 0);
  expect(sessions.endpointOf('s', 100)).toBe('a');
  expect(sessions.endpointOf('s', 101)).toBeUndefined();
  sessions.bind('s', 'b', 90);
  expect(sessions.endpointOf('s', 190)).toBe('b');
});

test('expired bindings are removed when another one is written, not more often than the sweep time', () => {
  const sessions = bindings();
  sessions.bind('old', 'a', 0);
  sessions.bind('other', 'a', 101);
  expect(sessions.size).toBe(1);
  const often = new SessionBindings({ ttlMs: 1, sweepMs: 50, maxSessions: 10 });
  often.bind('x', 'a', 0);
  often.bind('y', 'a', 40);
  expect(often.size).toBe(2);
  often.bind('z', 'a', 50);
  expect(often.size).toBe(1);
});

test('beyond the bound the session unused for longest goes', () => {
  const sessions = bindings();
  sessions.bind('1', 'a', 0);
  sessions.bind('2', 'a', 1);
  sessions.bind('1', 'a', 2);
  sessions.bind('3', 'a', 3);
  expect(['1', '2', '3'].map((session) => sessions.endpointOf(session, 4))).toEqual([
    'a',
    undefined,
    'a',
  ]);
});
