import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dataDifferences } from './data-differences.ts';

test.each([
  ['equal data', { a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] }, []],
  ['another order of fields', { a: 1, b: 2 }, { b: 2, a: 1 }, []],
  ['a field that is undefined', { a: undefined }, {}, []],
  ['numbers that are none', { a: NaN }, { a: NaN }, []],
  [
    'a scalar deep down',
    { a: [{ b: 1 }, { b: 2 }] },
    { a: [{ b: 1 }, { b: 3 }] },
    ['a[1].b: 2 → 3'],
  ],
  ['a longer list', { a: [1] }, { a: [1, 2] }, ['a[1]: undefined → 2']],
  ['a field less', { a: 1 }, {}, ['a: 1 → undefined']],
  ['another kind of value', { a: [1] }, { a: { b: 1 } }, ['a: [1] → {"b":1}']],
  ['null for nothing', { a: null }, {}, ['a: null → undefined']],
  ['two scalars', 1, 2, [': 1 → 2']],
])('%s', (_, before, after, expected) => {
  const shown = dataDifferences(before, after).map(
    (found) => `${found.path}: ${JSON.stringify(found.before)} → ${JSON.stringify(found.after)}`,
  );
  expect(shown).toEqual(expected);
});

test('what is no plain data is the same only as itself', () => {
  const when = new Date(0);
  expect(dataDifferences({ when }, { when })).toEqual([]);
  expect(dataDifferences({ when }, { when: new Date(0) })).toHaveLength(1);
});

test('no difference is found exactly where JSON is the same, and both ways', () => {
  const values = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(values, values, (a, b) => {
      expect(dataDifferences(a, structuredClone(a))).toEqual([]);
      const there = dataDifferences(a, b);
      const back = dataDifferences(b, a);
      expect(new Set(back.map(({ path }) => path))).toEqual(new Set(there.map(({ path }) => path)));
      // Vitest's equality knows neither the order of fields nor fields that are undefined.
      if (there.length === 0) expect(a).toEqual(b);
      else expect(a).not.toEqual(b);
    }),
  );
});
