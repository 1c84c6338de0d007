import { expect, test } from 'vitest';
import { JsonBody } from './json-body.ts';

const body = (value: unknown) => JsonBody.parse(Buffer.from(JSON.stringify(value)));

test.each([
  ['integer', { x: 1.5 }, 'int_from_float'],
  ['integer', { x: true }, 'int_type'],
  ['integer', { x: 'a' }, 'int_parsing'],
  ['number', { x: 'a' }, 'float_parsing'],
  ['number', { x: [] }, 'float_type'],
  ['boolean', { x: 1 }, 'bool_type'],
  ['string', { x: 1 }, 'string_type'],
  ['array', { x: {} }, 'list_type'],
  ['object', { x: [] }, 'model_attributes_type'],
] as const)('as %s, %o is refused as %s and names its place', (kind, value, type) => {
  expect(() => body(value)[kind]('x')).toThrow(`'type': '${type}', 'loc': 'body.x'`);
});

test('null and absent fields are not there, numbers may be text', () => {
  const read = body({ a: null, n: '12', f: '1.5', b: false, s: '' });
  expect([read.has('a'), read.has('z'), read.integer('n'), read.number('f')]).toEqual([
    ...[false, false, 12, 1.5],
  ]);
  expect([read.boolean('b'), read.string('s')]).toEqual([false, '']);
});

test('a body that is not an object is refused', () => {
  expect(() => body([1])).toThrow("'input': '<list of 1 items>'");
  expect(() => JsonBody.parse(Buffer.from('{"a":tru}'))).toThrow("'type': 'json_invalid'");
});
