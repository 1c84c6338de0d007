import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutAt } from '../chunk-list.ts';
import { Utf8Validator } from './utf8-validator.ts';

function firstInvalid(bytes: Uint8Array, borders: readonly number[]): number {
  const validator = new Utf8Validator();
  for (const chunk of cutAt(bytes, borders)) {
    const offset = validator.push(chunk);
    if (offset >= 0) return offset;
  }
  return validator.end();
}

const borders = fc.array(fc.nat({ max: 60 }), { maxLength: 20 });

describe('a UTF-8 validator', () => {
  test('accepts any text, wherever its characters are cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), borders, (text, cuts) => {
        expect(firstInvalid(Buffer.from(text), cuts)).toBe(-1);
      }),
    );
  });

  test('judges any bytes as the runtime does, and the bytes before the fault are valid', () => {
    const byte = fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc2,
      0xc0,
      0xe0,
      0xa0,
      0xed,
      0xf0,
      0x90,
      0xf4,
      0xff,
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 12 }), borders, (values, cuts) => {
        const bytes = Uint8Array.from(values);
        const offset = firstInvalid(bytes, cuts);
        expect(offset === -1).toBe(isUtf8(bytes));
        if (offset >= 0) expect(isUtf8(bytes.subarray(0, offset))).toBe(true);
        expect(offset).toBe(firstInvalid(bytes, []));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ['a lone continuation byte', [0x41, 0x80], 1],
    ['an encoded surrogate', [0xed, 0xa0, 0x80], 0],
    ['an overlong slash', [0x41, 0x41, 0xc0, 0xaf], 2],
    ['a sequence that the end cuts', [0x41, 0xe2, 0x82], 1],
  ])('names the offset of %s', (_what, values, offset) => {
    expect(firstInvalid(Uint8Array.from(values), [])).toBe(offset);
    expect(firstInvalid(Uint8Array.from(values), [1, 2, 3])).toBe(offset);
  });
});
