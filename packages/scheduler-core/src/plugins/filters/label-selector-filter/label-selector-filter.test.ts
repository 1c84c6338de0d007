import { describe, expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { labelSelectorFilter } from './label-selector-filter.ts';

const decode = makeEndpoint('d').label('role', 'decode').label('zone', 'a');
const prefill = makeEndpoint('p').label('role', 'prefill');
const plain = makeEndpoint('x');
const candidates = [decode, prefill, plain];

const kept = (selector: Record<string, unknown>): string =>
  (makePlugin(labelSelectorFilter, selector).filter?.filter(makeCycle(), candidates) ?? [])
    .map(({ name }) => name)
    .join('');

const expression = (operator: string, values?: string[], key = 'role') => ({
  matchExpressions: [{ key, operator, ...(values && { values }) }],
});

describe('the label-selector filter', () => {
  test.each([
    ['matchLabels', { matchLabels: { role: 'decode' } }, 'd'],
    ['several matchLabels', { matchLabels: { role: 'decode', zone: 'b' } }, ''],
    ['In', expression('In', ['decode', 'both']), 'd'],
    ['NotIn, which holds for a missing label', expression('NotIn', ['decode']), 'px'],
    ['Exists', expression('Exists'), 'dp'],
    ['DoesNotExist', expression('DoesNotExist'), 'x'],
    [
      'labels and expressions together',
      { matchLabels: { role: 'decode' }, ...expression('Exists', undefined, 'zone') },
      'd',
    ],
    ['the empty selector, which matches all', {}, 'dpx'],
    ['a key that every object inherits', expression('Exists', undefined, 'constructor'), ''],
  ])('understands %s', (_name, selector, expected) => {
    expect(kept(selector)).toBe(expected);
  });

  test('gives back the same array where nothing is dropped', () => {
    const filter = makePlugin(labelSelectorFilter, {}).filter;
    expect(filter?.filter(makeCycle(), candidates)).toBe(candidates);
  });

  test.each([
    ['In without values', expression('In')],
    ['Exists with values', expression('Exists', ['x'])],
    ['an unknown operator', expression('Gt', ['1'])],
    ['an unknown field', { matchLabel: {} }],
  ])('refuses %s', (_name, selector) => {
    expect(labelSelectorFilter.parameters.safeParse(selector).success).toBe(false);
  });
});
