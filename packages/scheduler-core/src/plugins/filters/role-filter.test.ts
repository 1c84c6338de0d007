import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../testing/index.ts';
import { decodeFilter } from './decode-filter/decode-filter.ts';
import { encodeFilter } from './encode-filter/encode-filter.ts';
import { prefillFilter } from './prefill-filter/prefill-filter.ts';

const ROLES = [
  'decode',
  'prefill',
  'encode',
  'prefill-decode',
  'encode-prefill',
  'both',
  'encode-prefill-decode',
  'something-else',
];
const endpoints = [
  ...ROLES.map((role) => makeEndpoint(role).label('llm-d.ai/role', role)),
  makeEndpoint('no-role'),
];

test.each([
  [decodeFilter, ['decode', 'prefill-decode', 'both', 'encode-prefill-decode', 'no-role']],
  [prefillFilter, ['prefill', 'prefill-decode', 'encode-prefill', 'both', 'encode-prefill-decode']],
  [encodeFilter, ['encode', 'encode-prefill', 'encode-prefill-decode']],
])('$type keeps the roles that can do its work', (definition, expected) => {
  const kept = makePlugin(definition).filter?.filter(makeCycle(), endpoints) ?? [];
  expect(kept.map(({ name }) => name)).toEqual(expected);
});
