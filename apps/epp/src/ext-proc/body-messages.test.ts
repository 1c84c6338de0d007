import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BODY_MESSAGE_BYTES, fullMessages } from './body-messages.ts';

test('messages carry the same bytes, each but the last one full', () => {
  const piece = fc.nat(150_000).map((length) => Buffer.alloc(length, length & 0xff));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const messages = [...fullMessages(pieces)];
      expect(Buffer.concat(messages).equals(Buffer.concat(pieces))).toBe(true);
      const full = messages.slice(0, -1).every(({ length }) => length === BODY_MESSAGE_BYTES);
      const last = messages.at(-1)?.length ?? 1;
      expect([full, last > 0, last <= BODY_MESSAGE_BYTES]).toEqual([true, true, true]);
    }),
  );
});

test('a piece that fits is not copied', () => {
  const piece = Buffer.from('abc');
  expect([...fullMessages([piece])][0]?.buffer).toBe(piece.buffer);
});
