import { describe, expect, test } from 'vitest';
import type { AnyPluginDefinition } from '../../plugin-definition.ts';
import { makePlugin } from '../../testing/index.ts';
import { partOf } from './policy.testing.ts';
import { priorityHoldbackPolicy } from './priority-holdback-policy/priority-holdback-policy.ts';
import { softReflectiveCeilingPolicy } from './soft-reflective-ceiling-policy/soft-reflective-ceiling-policy.ts';
import { staticUsageLimitPolicy } from './static-usage-limit-policy/static-usage-limit-policy.ts';

const limits = (definition: AnyPluginDefinition, parameters: Record<string, unknown> = {}) =>
  partOf(makePlugin(definition, parameters), 'usageLimitPolicy');

test.each([
  [{}, [1, 1]],
  [{ threshold: 0.7 }, [0.7, 0.7]],
])('static %j closes every band at the same saturation', (parameters, expected) => {
  expect(limits(staticUsageLimitPolicy, parameters).ceilings([5, 0], 0.9)).toEqual(expected);
});

describe('priority holdback', () => {
  test.each([
    ['rank', [100, 10, 0], [0.9, 0.65, 0.4]],
    ['value', [100, 10, 0], [0.9, 0.45, 0.4]],
    ['rank', [7], [0.9]],
    ['value', [7], [0.9]],
    ['rank', [], []],
    ['value', [-1, -3], [0.9, 0.4]],
  ])('by %s, priorities %j close at %j', (domain, priorities, expected) => {
    const policy = limits(priorityHoldbackPolicy, { domain, minCeiling: 0.4, maxCeiling: 0.9 });
    const ceilings = policy.ceilings(priorities, 0.5);
    expect(ceilings).toHaveLength(expected.length);
    expected.forEach((value, i) => {
      expect(ceilings[i]).toBeCloseTo(value);
    });
  });

  test.each([
    [{}, 'minCeiling'],
    [{ minCeiling: 1 }, 'minCeiling'],
    [{ minCeiling: 0.5, maxCeiling: 0.5 }, 'minCeiling'],
    [{ minCeiling: 0.5, maxCeiling: 1.1 }, 'maxCeiling'],
    [{ minCeiling: 0.5, shape: 'sigmoid' }, 'shape'],
    [{ minCeiling: 0.5, domain: 'explicit' }, 'domain'],
  ])('%j is refused for its %s', (parameters, field) => {
    const result = priorityHoldbackPolicy.parameters.safeParse(parameters);
    expect(result.error?.issues.map(({ path }) => path[0])).toContain(field);
  });
});

describe('the soft reflective ceiling', () => {
  const openings = (rank: number, saturation: number, calls = 12): string => {
    const policy = limits(softReflectiveCeilingPolicy);
    return Array.from({ length: calls }, () => policy.ceilings([9, 5, 0], saturation)[rank]).join(
      '',
    );
  };

  test.each([
    ['the highest band is never closed', 0, 0.99, '111111111111'],
    ['a lower band is open below its ceiling', 1, 0.66, '111111111111'],
    ['beyond it, it has one turn in a period', 1, 0.75, '001001001001'],
    ['the lowest reaches its ceiling first', 2, 0.65, '010101010101'],
    ['a period of one is always open', 2, 0.55, '111111111111'],
    ['a full pool closes all lower bands', 2, 1, '000000000000'],
  ])('%s', (_, rank, saturation, expected) => {
    expect(openings(rank, saturation)).toBe(expected);
  });

  test('a single band is the highest', () => {
    expect(limits(softReflectiveCeilingPolicy).ceilings([0], 0.99)).toEqual([1]);
  });

  test('asks to be asked again, because time alone opens a band', () => {
    expect(limits(softReflectiveCeilingPolicy).recheckMs).toBe(1);
  });
});
