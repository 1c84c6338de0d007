import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StringInterner } from './string-interner.ts';

const text = fc.oneof(
  fc.string({ maxLength: 6 }),
  fc.constantFrom('type', 'block_hashes', 'token_ids', '__proto__', '7'),
  fc.string({ unit: 'grapheme', minLength: 90, maxLength: 110 }),
);

test('any texts in any order come out as they went in', () => {
  fc.assert(
    fc.property(fc.array(text, { maxLength: 60 }), (texts) => {
      const interner = new StringInterner();
      for (const one of [...texts, ...texts]) {
        const bytes = Buffer.from(`<${one}>`);
        expect(interner.text(bytes, 1, bytes.length - 1)).toBe(one);
      }
    }),
  );
});

test('more texts than it remembers come out as well, and so do the first ones again', () => {
  const interner = new StringInterner();
  for (let turn = 0; turn < 2; turn++) {
    for (let i = 0; i < 5000; i++) {
      const bytes = Buffer.from(`adapter-${i}`);
      expect(interner.text(bytes, 0, bytes.length)).toBe(`adapter-${i}`);
    }
  }
});
