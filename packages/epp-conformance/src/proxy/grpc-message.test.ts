import fc from 'fast-check';
import { expect, test } from 'vitest';
import { framed, MessageReader } from './grpc-message.ts';

test('messages come out as they went in, however the bytes between are cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 });
  const cuts = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(messages, cuts, (sent, sizes) => {
      const bytes = Buffer.concat(sent.map((message) => framed(message)));
      const reader = new MessageReader();
      const received: Buffer[] = [];
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        received.push(...reader.push(bytes.subarray(at, at + size)).map((one) => one.bytes));
        at += size;
      }
      expect(received.map((one) => one.toString('hex'))).toEqual(
        sent.map((one) => Buffer.from(one).toString('hex')),
      );
    }),
  );
});

test('a compressed message says so', () => {
  const [message] = new MessageReader().push(framed(Buffer.from('x'), { compressed: true }));
  expect(message).toEqual({ isCompressed: true, bytes: Buffer.from('x') });
});
