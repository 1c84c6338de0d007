import { describe, expect, test } from 'vitest';
import { attribute } from './attribute.ts';
import type { SchedulingCycle } from './cycle.ts';
import type { Endpoint } from './endpoint.ts';
import type { Picker, ProfileHandler } from './plugin-contracts.ts';
import { clampScore, createScheduler, type SchedulingProfile } from './scheduler.ts';
import { makeCycle, makeEndpoint } from './testing/index.ts';

const [a, b, c] = [makeEndpoint('a'), makeEndpoint('b'), makeEndpoint('c')] as const;

const highest: Picker = {
  pick: (_cycle, { endpoints, totals }) => {
    const best = endpoints[totals.indexOf(Math.max(...totals))];
    return best === undefined ? [] : [best];
  },
};
const runAll: ProfileHandler = {
  next: (_cycle, profiles, outcomes) => (outcomes.size === 0 ? profiles : []),
  primary: (_cycle, outcomes) => [...outcomes.keys()][0] ?? '',
};
const profile = (parts: Partial<SchedulingProfile> = {}): SchedulingProfile => ({
  name: 'default',
  filters: [],
  scorers: [],
  picker: { name: 'highest', plugin: highest },
  ...parts,
});
const only = (name: string, ...kept: Endpoint[]) => ({
  name,
  plugin: {
    filter: (_cycle: unknown, candidates: readonly Endpoint[]) =>
      candidates.filter((e) => kept.includes(e)),
  },
});
const scores = (name: string, weight: number, ...raw: number[]) => ({
  name,
  weight,
  plugin: { score: () => raw },
});
const schedule = (
  profiles: SchedulingProfile[],
  candidates: readonly Endpoint[],
  handler = runAll,
) => createScheduler({ profiles, handler }).schedule(makeCycle(), candidates);

describe('a profile', () => {
  test('sums weighted scores, each clamped to [0, 1], NaN and missing ones as 0', () => {
    const scorers = [scores('x', 2, 0.5, 9, NaN), scores('y', -1, -3, 0.25)];
    const outcome = schedule([profile({ scorers })], [a, b, c]);
    expect(Array.from(outcome.outcomes.get('default')?.totals ?? [])).toEqual([1, 1.75, 0]);
    expect(outcome).toMatchObject({ kind: 'scheduled', endpoints: [{ name: 'b' }] });
  });

  test('filters in order and keeps a trace of each step', () => {
    const filters = [only('first', a, b), only('second', b, c)];
    const outcome = schedule([profile({ filters })], [a, b, c]);
    expect(outcome.outcomes.get('default')?.filters).toEqual([
      { plugin: 'first', kept: [a, b] },
      { plugin: 'second', kept: [b] },
    ]);
  });

  test('that no candidate passes says which filter dropped the last one, and runs no further', () => {
    const filters = [only('first', a), only('second'), only('third', a)];
    const outcome = schedule([profile({ filters })], [a, b]);
    expect(outcome).toMatchObject({ kind: 'no-endpoint', profile: 'default', drainedBy: 'second' });
    expect(outcome.outcomes.get('default')?.filters).toHaveLength(2);
  });

  test('without candidates blames no filter', () => {
    const outcome = schedule([profile({ filters: [only('first')] })], []);
    expect(outcome).toMatchObject({ kind: 'no-endpoint', drainedBy: undefined });
  });
});

describe('a profile handler', () => {
  const two = [profile({ name: 'one' }), profile({ name: 'two', filters: [only('none')] })];

  test('may run several profiles; a failed one beside the primary does no harm', () => {
    const outcome = schedule(two, [a]);
    expect(outcome).toMatchObject({ kind: 'scheduled', primary: 'one' });
    expect([...outcome.outcomes.keys()]).toEqual(['one', 'two']);
  });

  test.each([
    ['one that does not exist', ['three']],
    ['one twice', ['one', 'one']],
  ])('that asks for %s is broken', (_name, names) => {
    expect(() => schedule(two, [a], { ...runAll, next: () => names })).toThrow(/cannot run now/);
  });

  test('may leave notes, and attributes for the profiles that run next', () => {
    const seen = attribute<string>('Seen', 'handler');
    const scorer = {
      name: 'reads',
      weight: 1,
      plugin: {
        score: ({ attributes }: SchedulingCycle) => [attributes.get(seen) === 'yes' ? 1 : 0],
      },
    };
    const handler: ProfileHandler = {
      next: (_cycle, profiles, outcomes, { attributes, notes }) => {
        if (outcomes.size > 0) return [];
        attributes.set(seen, 'yes');
        notes.push({ profile: 'default', runs: true, reason: 'why not' });
        return profiles;
      },
      primary: () => 'default',
    };
    const outcome = schedule([profile({ scorers: [scorer] })], [a], handler);
    expect(outcome.notes).toEqual([{ profile: 'default', runs: true, reason: 'why not' }]);
    expect(outcome.outcomes.get('default')?.totals[0]).toBe(1);
  });

  test('may send the request to another address of the chosen endpoint', () => {
    const handler: ProfileHandler = {
      ...runAll,
      destination: (endpoint) => ({ ...endpoint, port: 1 }),
    };
    const outcome = schedule([profile()], [a], handler);
    expect(outcome).toMatchObject({ endpoints: [{ id: a.id, slot: a.slot, port: 1 }] });
    expect(outcome.outcomes.get('default')?.picked).toEqual([a]);
  });

  test('that runs nothing finds no endpoint', () => {
    const handler: ProfileHandler = { next: () => [], primary: () => 'missing' };
    expect(schedule([profile()], [a], handler)).toEqual({
      kind: 'no-endpoint',
      profile: 'missing',
      drainedBy: undefined,
      outcomes: new Map(),
    });
  });
});

test.each([
  [-1, 0],
  [0.3, 0.3],
  [1.5, 1],
  [Infinity, 1],
  [NaN, 0],
  [undefined, 0],
])('the score %s counts as %d', (raw, expected) => {
  expect(clampScore(raw)).toBe(expected);
});
