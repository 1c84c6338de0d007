import { VirtualClock } from '@llm-d/determinism';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { createBreakers } from './breakers.ts';
import { admit, settle, type BreakerResult, type BreakerState } from './circuit-breaker.ts';

const settings = { failures: 3, openMs: 100 };
const closed = (failures: number): BreakerState => ({ kind: 'closed', failures });
const open = (untilMs: number): BreakerState => ({ kind: 'open', untilMs });
const halfOpen: BreakerState = { kind: 'half-open' };

test.each<[BreakerState, number, boolean, BreakerState]>([
  [closed(2), 0, true, closed(2)],
  [open(50), 49, false, open(50)],
  [open(50), 50, true, halfOpen],
  [halfOpen, 60, false, halfOpen],
])('%j at %i admits: %s', (state, nowMs, admitted, after) => {
  expect(admit(state, nowMs)).toEqual({ admitted, state: after });
});

test.each<[BreakerState, BreakerResult, BreakerState]>([
  [closed(0), 'well', closed(0)],
  [closed(2), 'well', closed(0)],
  [closed(1), 'failed', closed(2)],
  [closed(2), 'failed', open(110)],
  [closed(2), 'unknown', closed(2)],
  [halfOpen, 'well', closed(0)],
  [halfOpen, 'failed', open(110)],
  [halfOpen, 'unknown', open(10)],
  [open(50), 'well', open(50)],
  [open(50), 'failed', open(50)],
])('%j after a request that ended %s is %j', (state, result, after) => {
  expect(settle(state, result, { nowMs: 10, settings })).toEqual(after);
});

test('with 0 failures it never opens', () => {
  const never = { failures: 0, openMs: 100 };
  expect(settle(closed(99), 'failed', { nowMs: 0, settings: never })).toEqual(closed(100));
});

describe('breakers', () => {
  const start = (maxServers?: number) => {
    const clock = new VirtualClock();
    const logger = recordingLogger();
    const breakers = createBreakers({
      settings,
      clock,
      logger,
      ...(maxServers !== undefined && { maxServers }),
    });
    const fail = (hostPort: string): void => {
      breakers.enter(hostPort)?.end('failed');
    };
    return { clock, logger, breakers, fail };
  };

  test('leave a server out, let one request find out, and take it back', () => {
    const { clock, logger, breakers, fail } = start();
    for (let i = 0; i < 3; i++) fail('a:1');
    expect([breakers.open, breakers.enter('a:1')]).toEqual([1, undefined]);
    expect(breakers.enter('b:1')).toBeDefined();
    clock.advance(100);
    const ticket = breakers.enter('a:1');
    expect([ticket !== undefined, breakers.enter('a:1')]).toEqual([true, undefined]);
    ticket?.end('well');
    ticket?.end('failed');
    expect([breakers.open, breakers.enter('a:1') !== undefined]).toEqual([0, true]);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      'prefiller is left out',
      'prefiller is back',
    ]);
  });

  test('remember no more servers than they may', () => {
    const { breakers, fail } = start(2);
    for (const hostPort of ['a:1', 'b:1', 'c:1']) {
      for (let i = 0; i < 3; i++) fail(hostPort);
    }
    expect([breakers.open, breakers.enter('a:1') !== undefined]).toEqual([2, true]);
  });
});
