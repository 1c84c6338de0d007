import fc from 'fast-check';
import { headers } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { makeBatch } from '../testing/bus-messages.ts';
import type { KvMessage } from '../kv-message.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';

const text = fc.string({ unit: 'grapheme' });
const whole = fc.maxSafeNat();
const source = fc
  .record({ pod: text, dpRank: fc.nat(), model: text, epoch: text, everywhere: fc.boolean() })
  .map(({ everywhere, ...rest }) => (everywhere ? { ...rest, everywhere } : rest));
const messages: fc.Arbitrary<KvMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('batch' as const),
    ...{ source, sequence: whole, receivedMs: whole },
    payload: fc.uint8Array(),
  }),
  fc.record({
    kind: fc.constant('loss' as const),
    ...{ source, fromSequence: whole, untilSequence: whole, receivedMs: whole },
  }),
  fc.record({
    kind: fc.constant('heartbeat' as const),
    ...{ source, sequence: fc.maxSafeInteger(), receivedMs: whole },
  }),
  fc.record({ kind: fc.constant('gone' as const), pod: text, receivedMs: whole }),
);

test('every message comes back as it was, through lines of printable text', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const { headers: fields, payload } = encodeMessage(message);
      for (const [, [value = '']] of fields) expect(value).toMatch(/^$|^[!-~]([ -~]*[!-~])?$/);
      expect(decodeMessage(fields, payload)).toEqual(message);
    }),
  );
});

test('common names are readable, and the payload is the same bytes', () => {
  const message = makeBatch(7);
  const { headers: fields, payload } = encodeMessage(message);
  expect([fields.get('Kv-Pod'), fields.get('Kv-Model')]).toEqual([
    '10.0.0.1:8000',
    'Qwen/Qwen3-32B',
  ]);
  expect(payload).toBe(message.payload);
});

test.each([
  ['without headers', undefined],
  ['of an unknown kind', { 'Kv-Kind': 'poem', 'Kv-Seq': '1' }],
  ['without a number', { 'Kv-Kind': 'batch' }],
  ['with a broken name', { 'Kv-Kind': 'gone', 'Kv-Pod': '%zz' }],
  ['of a loss without an end', { 'Kv-Kind': 'loss', 'Kv-Seq': '1' }],
])('a message %s is none', (_title, fields) => {
  const given = fields === undefined ? undefined : headers();
  for (const [name, value] of Object.entries(fields ?? {})) given?.set(name, value);
  expect(decodeMessage(given, new Uint8Array())).toBeUndefined();
});
