import { describe, expect, test } from 'vitest';
import {
  applyHeaderChange,
  headerChangeOf,
  headerMapOf,
  type HeaderChange,
} from './header-list.ts';
import type { HeaderValueOption } from '@llm-d/protos';

const before = [
  ['Accept', '*/*'],
  ['x-a', '1'],
  ['x-a', '2'],
] as const;

const set = (name: string, value: string, action: HeaderChange['set'][number]['action'] = 'set') =>
  ({ name, value, field: 'raw_value', action }) as const;

test.each<[string, Partial<HeaderChange>, readonly (readonly [string, string])[]]>([
  [
    'nothing',
    {},
    [
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
    ],
  ],
  [
    'a header that is set',
    { set: [set('X-A', '3')] },
    [
      ['accept', '*/*'],
      ['x-a', '3'],
    ],
  ],
  [
    'one that is new',
    { set: [set('x-b', '3')] },
    [
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-b', '3'],
    ],
  ],
  [
    'one that is appended',
    { set: [set('accept', 'a', 'append')] },
    [
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['accept', 'a'],
    ],
  ],
  [
    'one that is only added where it is missing',
    { set: [set('accept', 'a', 'add-if-absent')] },
    [
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
    ],
  ],
  [
    'one that only replaces',
    { set: [set('x-b', 'a', 'overwrite-if-exists')] },
    [
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
    ],
  ],
  ['one that is removed', { removed: ['X-A'] }, [['accept', '*/*']]],
  [
    'one that is removed and set',
    { removed: ['x-a'], set: [set('x-a', '3')] },
    [
      ['accept', '*/*'],
      ['x-a', '3'],
    ],
  ],
])('headers after a change: %s', (_, change, after) => {
  expect(applyHeaderChange(before, { set: [], removed: [], ...change })).toEqual(after);
});

describe('a mutation', () => {
  const option = (more: Partial<HeaderValueOption>): HeaderValueOption => ({
    header: { key: 'x', value: '', rawValue: Buffer.from('raw') },
    append: null,
    appendAction: 0,
    keepEmptyValue: false,
    ...more,
  });
  const read = (more: Partial<HeaderValueOption>) =>
    headerChangeOf({ setHeaders: [option(more)], removeHeaders: ['y'] }).set[0];

  test.each([
    ['replaces unless it says otherwise', {}, 'set'],
    ['appends where it says so', { append: { value: true } }, 'append'],
    [
      'replaces where it says that it does not append',
      { append: { value: false }, appendAction: 1 },
      'set',
    ],
    ['adds what is absent', { appendAction: 1 }, 'add-if-absent'],
    ['overwrites what exists', { appendAction: 3 }, 'overwrite-if-exists'],
  ])('%s', (_, more, action) => {
    expect(read(more)?.action).toBe(action);
  });

  test('is read from either field of a value', () => {
    expect(read({})).toMatchObject({ value: 'raw', field: 'raw_value' });
    const header = { key: 'x', value: 'plain', rawValue: new Uint8Array(0) };
    expect(read({ header })).toMatchObject({ value: 'plain', field: 'value' });
  });

  test('that is not there changes nothing', () => {
    expect(headerChangeOf(null)).toEqual({ set: [], removed: [] });
  });
});

test('headers go into the field that is asked for', () => {
  expect(headerMapOf([['a', 'b']])).toEqual({
    headers: [{ key: 'a', rawValue: Buffer.from('b') }],
  });
  expect(headerMapOf([['a', 'b']], 'value')).toEqual({ headers: [{ key: 'a', value: 'b' }] });
});
