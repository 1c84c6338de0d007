import { expect, test } from 'vitest';
import { expectBytes, expectEqual, expectThat, shown } from './difference.ts';

test('two values that differ are shown both', () => {
  expect(() => {
    expectEqual('status', 200, 404);
  }).toThrow('status: expected 404, got 200');
  expect(() => {
    expectEqual('header', undefined, 'a');
  }).toThrow('header: expected "a", got nothing');
  expectEqual('list', ['a'], ['a']);
});

test('bytes that differ are shown from where they do', () => {
  const compare = (actual: string, expected: string) => () => {
    expectBytes('body', Buffer.from(actual), Buffer.from(expected));
  };
  expect(compare('{"a":1}', '{"a":2}')).toThrow(
    'body: expected 7 bytes, got 7; they differ from byte 5 on: expected …"{\\"a\\":2}"…, got …"{\\"a\\":1}"…',
  );
  expect(compare('abc', 'abcd')).toThrow('expected 4 bytes, got 3; they differ from byte 3 on');
  compare('same', 'same')();
});

test('a condition that does not hold is told in words', () => {
  expect(() => {
    expectThat(false, 'it rains');
  }).toThrow('it rains');
});

test('long values are cut', () => {
  expect(shown('x'.repeat(1000))).toHaveLength(201);
});
