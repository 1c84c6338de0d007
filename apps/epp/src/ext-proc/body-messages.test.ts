import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BODY_MESSAGE_BYTES, bodyMessages } from './body-messages.ts';

test('messages carry the same bytes, each but the last one full', () => {
  const piece = fc.nat(150_000).map((length) => Buffer.alloc(length, length & 0xff));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const messages = bodyMessages(pieces);
      const whole = messages.map((message) => Buffer.concat(message.pieces));
      expect(Buffer.concat(whole).equals(Buffer.concat(pieces))).toBe(true);
      expect(messages.map(({ bytes }) => bytes)).toEqual(whole.map(({ length }) => length));
      const full = messages.slice(0, -1).every(({ bytes }) => bytes === BODY_MESSAGE_BYTES);
      const last = messages.at(-1)?.bytes ?? 1;
      expect([full, last > 0, last <= BODY_MESSAGE_BYTES]).toEqual([true, true, true]);
    }),
  );
});

test('nothing is copied', () => {
  const pieces = [Buffer.from('abc'), Buffer.alloc(BODY_MESSAGE_BYTES)];
  const messages = bodyMessages(pieces).flatMap((message) => message.pieces);
  expect(messages.map(({ buffer }) => buffer)).toEqual([0, 1, 1].map((i) => pieces[i]?.buffer));
});
