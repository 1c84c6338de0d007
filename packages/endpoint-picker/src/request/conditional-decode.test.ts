import { Attributes, prefixMatches, type SchedulingResult } from '@llm-d/scheduler-core';
import { makeEndpoint, makeRequest } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { createConditionalDecode, prefersCached } from './conditional-decode.ts';

test.each([
  ['if-available', true],
  ['IF-Available', true],
  ['respond-async, if-available', true],
  [' if-available ; wait=10', true],
  ['if-available=1', true],
  ['if-available-soon', false],
  ['wait=if-available', false],
  ['respond-async', false],
  ['', false],
])('Prefer: %s means a cached prompt only: %s', (value, expected) => {
  expect(prefersCached(new Map([['prefer', value]]))).toBe(expected);
});

test('a request without Prefer is served anywhere', () => {
  expect(prefersCached(new Map())).toBe(false);
});

const endpoint = { ...makeEndpoint('a') };
const result: SchedulingResult = {
  kind: 'scheduled',
  primary: 'default',
  endpoints: [endpoint],
  outcomes: new Map(),
};

test.each([
  ['holds a block by the first producer', 'precise', 1, undefined],
  ['holds a block by another producer', 'approx', 3, undefined],
  ['holds nothing', 'approx', 0, 412],
  ['is known to nobody who is asked', 'stranger', 5, 412],
])('a destination that %s', (_, producer, blocks, status) => {
  const attributes = new Attributes();
  attributes.set(prefixMatches(producer), {
    totalBlocks: 8,
    blockSizeTokens: 16,
    promptTokens: 128,
    matchedBlocks: () => blocks,
  });
  const gate = createConditionalDecode(['precise', 'approx']);
  const cycle = { request: makeRequest(), attributes, nowMs: 0 };
  expect(gate(cycle, result)?.status).toBe(status);
});
