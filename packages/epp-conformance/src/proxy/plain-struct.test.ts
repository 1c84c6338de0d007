import { processingResponse } from '@llm-d/protos';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { at, plainOf, structOf, type PlainStruct } from './plain-struct.ts';

const plain = fc.letrec<{ value: PlainStruct[string]; struct: PlainStruct }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.string({ unit: 'grapheme' }),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('struct'),
  ),
  struct: fc.dictionary(
    fc.string({ unit: 'grapheme-ascii', minLength: 1 }).filter((key) => key !== '__proto__'),
    tie('value'),
    {
      maxKeys: 3,
      noNullPrototype: true,
    },
  ),
}));

test('plain data survives the way over the wire', () => {
  fc.assert(
    fc.property(plain.struct, (values) => {
      const bytes = processingResponse.encode({ dynamicMetadata: structOf(values) });
      const { dynamicMetadata } = processingResponse.decode(bytes);
      expect(dynamicMetadata && plainOf(dynamicMetadata)).toEqual(values);
    }),
  );
});

test('a value is found by its path, and nothing where there is none', () => {
  const values = { lb: { key: 'value', list: [1] } };
  expect(at(values, 'lb', 'key')).toBe('value');
  expect(at(values, 'lb', 'other')).toBeUndefined();
  expect(at(values, 'lb', 'key', 'deeper')).toBeUndefined();
  expect(at(values, 'lb', 'list', '0')).toBeUndefined();
  expect(at(undefined, 'lb')).toBeUndefined();
});
