import { VirtualClock } from '@llm-d/determinism';
import {
  createPluginDurations,
  type Admission,
  type Endpoint,
  type SchedulingCycle,
} from '@llm-d/scheduler-core';
import { makeCycle, makeEndpoint } from '@llm-d/scheduler-core/testing';
import { noopMetrics } from '@llm-d/telemetry';
import { describe, expect, test } from 'vitest';
import { createAdmission } from './admission.ts';

const durations = createPluginDurations({
  metrics: noopMetrics,
  clock: new VirtualClock(),
  types: new Map(),
});

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;

const keeps = (name: string, ...kept: Endpoint[]) => ({ name, plugin: { screen: () => kept } });
const answers = (name: string, admission: Admission) => {
  const asked: (readonly Endpoint[])[] = [];
  const admit = (_cycle: SchedulingCycle, candidates: readonly Endpoint[]): Admission => {
    asked.push(candidates);
    return admission;
  };
  return { asked, named: { name, plugin: { admit } } };
};
const denial = (status: 429 | 503): Admission => ({ admitted: false, status, message: 'full' });

describe('screening', () => {
  test('leaves what every screener keeps, in the given order', () => {
    const admit = createAdmission({
      durations,
      screeners: [keeps('one', c, b), keeps('two', a, b, c)],
      admitters: [],
    });
    expect(admit(makeCycle(), [a, b, c], 1)).toEqual({ kind: 'admitted', candidates: [b, c] });
  });

  test('that leaves nobody is told like an empty fleet', () => {
    const admit = createAdmission({
      durations,
      screeners: [keeps('one', a), keeps('two', b)],
      admitters: [],
    });
    expect(admit(makeCycle(), [a, b], 1)).toMatchObject({
      status: 503,
      reason: 'rejected-no-endpoints',
      message: 'two left no endpoint',
    });
  });
});

describe('admission', () => {
  test.each([429, 503] as const)('a denial keeps its status %d', (status) => {
    const { named } = answers('door', denial(status));
    const admit = createAdmission({ durations, screeners: [], admitters: [named] });
    expect(admit(makeCycle(), [a], 1)).toEqual({
      kind: 'refused',
      status,
      reason: 'rejected-saturated',
      message: 'door: full',
      retryAfterSeconds: 1,
    });
  });

  test('is asked about what the screeners left, and no further after a denial', () => {
    const [first, second, third] = [
      answers('first', { admitted: true }),
      answers('second', denial(429)),
      answers('third', { admitted: true }),
    ];
    const admitters = [first.named, second.named, third.named];
    const admit = createAdmission({ durations, screeners: [keeps('s', b)], admitters });
    admit(makeCycle(), [a, b], 1);
    expect([first.asked, second.asked, third.asked]).toEqual([[[b]], [[b]], []]);
  });

  test('is not asked for again when a request is tried again', () => {
    const { named, asked } = answers('door', denial(429));
    const admit = createAdmission({ durations, screeners: [], admitters: [named] });
    expect(admit(makeCycle(), [a], 2)).toEqual({ kind: 'admitted', candidates: [a] });
    expect(asked).toEqual([]);
  });
});
