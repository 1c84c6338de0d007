import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeBatch } from '../testing/bus-messages.ts';
import { encodeToken, PARTITIONS, partitionOf, subjectOf } from './subject.ts';

test('a subject names partition, model, pod and rank', () => {
  expect(subjectOf('kv.ev', makeBatch(0, { dpRank: 3 }))).toBe(
    'kv.ev.45.Qwen%2FQwen3-32B.10%2E0%2E0%2E1%3A8000.3',
  );
  expect(subjectOf('kv.ev', makeBatch(0, { model: '' }))).toContain('.45._.10%2E');
  expect(subjectOf('kv.ev', { kind: 'gone', pod: '10.0.0.1:8000', receivedMs: 0 })).toBe(
    'kv.ev.45._.10%2E0%2E0%2E1%3A8000._',
  );
});

// The 32-bit FNV-1a values of the published test vectors, modulo 64.
test.each([
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])('the partition of %j is its hash modulo 64', (pod, hash) => {
  expect(partitionOf(pod)).toBe(hash % PARTITIONS);
});

test('any name is one token, and different names are different tokens', () => {
  const units = fc.array(fc.integer({ min: 0, max: 0xffff }));
  const names = fc.oneof(
    units.map((codes) => String.fromCharCode(...codes)),
    fc.constantFrom('', '_', '__', '.', '*', '>', ' ', 'a.b', '\ud800'),
  );
  fc.assert(
    fc.property(names, names, (a, b) => {
      const [token, other] = [encodeToken(a), encodeToken(b)];
      expect(token).toMatch(/^[^.*>\s\p{Cc}]+$/u);
      expect(token === other).toBe(a.toWellFormed() === b.toWellFormed());
    }),
  );
});
