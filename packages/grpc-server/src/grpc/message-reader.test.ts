import fc from 'fast-check';
import { expect, test } from 'vitest';
import { grpcMessage } from '../raw-peer.testing.ts';
import { MessageReader } from './message-reader.ts';
import { parseTimeoutMs } from './timeout.ts';

test('messages come out as they went in, however the bytes are cut', () => {
  const bodies = fc.array(fc.oneof(fc.nat(40), fc.constantFrom(0, 32_767, 32_768, 100_000)), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(bodies, fc.integer({ min: 1, max: 50_000 }), (sizes, cut) => {
      const messages = sizes.map((size, i) => Buffer.alloc(size, i + 1));
      const all = Buffer.concat(messages.map((message) => grpcMessage(message)));
      const out: Buffer[] = [];
      const reader = new MessageReader(100_000, (_, message) => out.push(message));
      for (let at = 0; at < all.length; at += cut) reader.push(all.subarray(at, at + cut));
      expect(reader.atBoundary).toBe(true);
      expect(out.map((message) => message.length)).toEqual(sizes);
      expect(out.every((message, i) => message.equals(messages[i] ?? Buffer.alloc(0)))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('a message that comes whole is not copied', () => {
  const payload = grpcMessage('hello');
  const reader = new MessageReader(10, (_, message) => {
    expect(message.buffer).toBe(payload.buffer);
  });
  expect.assertions(1);
  reader.push(payload);
});

test.each([
  ['1H', 3_600_000],
  ['2M', 120_000],
  ['3S', 3_000],
  ['4m', 4],
  ['5000u', 5],
  ['6000000n', 6],
  ['0S', 0],
  ['99999999H', 359_999_996_400_000],
  ['', undefined],
  ['1', undefined],
  ['S', undefined],
  ['-1S', undefined],
  ['123456789S', undefined],
  ['1s', undefined],
])('grpc-timeout %j is %s ms', (text, ms) => {
  expect(parseTimeoutMs(text)).toBe(ms);
});
