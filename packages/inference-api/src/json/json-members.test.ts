import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changeJsonMembers, readJsonMembers, type MemberChanges } from './json-members.ts';

const membersOf = (text: string) => {
  const bytes = Buffer.from(text);
  const read = readJsonMembers(bytes);
  if (read.kind !== 'object') return read;
  return read.members.map(({ name, kind, valueStart, end }) => [
    name,
    kind,
    bytes.toString('utf8', valueStart, end),
  ]);
};

const changed = (text: string, changes: Record<string, string | undefined>): string => {
  const bytes = Buffer.from(text);
  const read = readJsonMembers(bytes);
  if (read.kind !== 'object') throw new Error('no object');
  return changeJsonMembers(bytes, read, new Map(Object.entries(changes))).toString();
};

describe('members', () => {
  test('have their names unescaped and their values as written, nested ones are inside of them', () => {
    expect(membersOf(' {"a" : 1.50, "k\\u0076":{"a":[1, 2]},"":null,"s":"x\\"y"} ')).toEqual([
      ['a', 'number', '1.50'],
      ['kv', 'object', '{"a":[1, 2]}'],
      ['', 'null', 'null'],
      ['s', 'string', '"x\\"y"'],
    ]);
  });

  test('come as often as they are written', () => {
    expect(membersOf('{"a":1,"a":2}')).toEqual([
      ['a', 'number', '1'],
      ['a', 'number', '2'],
    ]);
  });

  test.each(['[]', '"a"', '1', 'null', '[{"a":1}]'])('%s is no object', (text) => {
    expect(membersOf(text)).toEqual({ kind: 'other' });
  });

  test.each(['', '{', '{"a":}', '{"a":1}x', '{"a":NaN}', '\ufeff{}', '{"a":1,}'])(
    '%j is not JSON',
    (text) => {
      expect(membersOf(text)).toMatchObject({ kind: 'invalid' });
    },
  );

  test('in UTF-16, which some parsers would take, are not JSON', () => {
    expect(readJsonMembers(Buffer.from('{"a":1}', 'utf16le')).kind).toBe('invalid');
  });
});

describe('changes', () => {
  test.each<[string, Record<string, string | undefined>, string]>([
    ['{}', { a: '1' }, '{"a":1}'],
    ['{ }', { a: '1', b: '[]' }, '{"a":1,"b":[] }'],
    ['{ "a" : 1 , "b" : 2 }', { c: '3' }, '{ "a" : 1 , "b" : 2,"c":3 }'],
    ['{ "a" : 1 , "b" : 2 }', { a: '3' }, '{ "a" : 3,"b" : 2 }'],
    ['{"a":1,"b":2,"c":3}', { b: undefined }, '{"a":1,"c":3}'],
    ['{"a":1,"b":2,"c":3}', { a: undefined }, '{"b":2,"c":3}'],
    ['{"a":1,"b":2,"c":3}', { c: undefined }, '{"a":1,"b":2}'],
    ['{"a":1}', { a: undefined }, '{}'],
    ['{"a":1,"a":2}', { a: undefined }, '{}'],
    ['{"a":1,"b":0,"a":2}', { a: '3' }, '{"b":0,"a":3}'],
    ['{"a":1}', { b: undefined }, '{"a":1}'],
    ['{"k\\u0076":1}', { kv: '2' }, '{"k\\u0076":2}'],
  ])('%s with %j is %s', (text, changes, expected) => {
    expect(changed(text, changes)).toBe(expected);
  });

  test('none at all leave the bytes as they are', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const bytes = Buffer.from(text);
        const read = readJsonMembers(bytes);
        if (read.kind !== 'object') return;
        expect(changeJsonMembers(bytes, read, new Map()).toString()).toBe(text);
      }),
    );
  });

  test('say the same as changes of the parsed object', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e"\\');
    const object = fc.uniqueArray(fc.tuple(key, fc.jsonValue()), { selector: ([name]) => name });
    const changes = fc.uniqueArray(fc.tuple(key, fc.option(fc.jsonValue(), { nil: undefined })), {
      selector: ([name]) => name,
    });
    const spaces = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(object, changes, spaces, (members, wanted, indent) => {
        const before = Object.fromEntries(members);
        const bytes = Buffer.from(JSON.stringify(before, null, indent));
        const read = readJsonMembers(bytes);
        if (read.kind !== 'object') throw new Error('an object was expected');
        const edits: MemberChanges = new Map(
          wanted.map(([name, value]) => [
            name,
            value === undefined ? undefined : JSON.stringify(value),
          ]),
        );
        const expected = JSON.parse(JSON.stringify(before)) as Record<string, unknown>;
        for (const [name, value] of wanted) {
          if (value === undefined) Reflect.deleteProperty(expected, name);
          else expected[name] = JSON.parse(JSON.stringify(value));
        }
        expect(JSON.parse(changeJsonMembers(bytes, read, edits).toString())).toEqual(expected);
      }),
    );
  });
});
