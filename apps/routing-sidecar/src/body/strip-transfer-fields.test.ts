import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readRequestBody } from './request-body.ts';
import { stripTransferFields } from './strip-transfer-fields.ts';

const strip = (text: string): string => {
  const read = readRequestBody(Buffer.from(text));
  if (read.kind !== 'object') throw new Error('no object');
  return stripTransferFields(read.body).body.bytes.toString();
};

test.each([
  ['{"a":1}', '{"a":1}'],
  ['{"kv_transfer_params":{"do_remote_prefill":true}}', '{}'],
  ['{"kv_\\u0074ransfer_params":{}, "a":1}', '{"a":1}'],
  ['{"kv_transfer_params":1,"a":1,"kv_transfer_params":2}', '{"a":1}'],
  ['{"vllm_xargs":{"kv_transfer_params":1,"b":2}}', '{"vllm_xargs":{"b":2}}'],
  [
    '{"sampling_params":{"extra_args":{"ec_transfer_params":1},"n":2}}',
    '{"sampling_params":{"extra_args":{},"n":2}}',
  ],
  ['{"messages":[{"kv_transfer_params":1}]}', '{"messages":[{"kv_transfer_params":1}]}'],
  ['{"sampling_params":[{"x":1}]}', '{"sampling_params":[{"x":1}]}'],
])('%s becomes %s', (text, expected) => {
  expect(strip(text)).toBe(expected);
});

const FIELDS = [
  'kv_transfer_params',
  'ec_transfer_params',
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
];

test('whatever a client sends, no engine finds a transfer field in it, and everything else stays', () => {
  const name = fc.oneof(
    fc.constantFrom(...FIELDS, 'vllm_xargs', 'sampling_params', 'extra_args', 'model'),
    fc.string(),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 3 }, fc.jsonValue(), tie('object')),
    object: fc.dictionary(name, tie('any'), { maxKeys: 6 }),
  })).object;
  const without = (object: unknown): unknown =>
    isObject(object)
      ? Object.fromEntries(Object.entries(object).filter(([key]) => !FIELDS.includes(key)))
      : object;
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1), (sent, indent) => {
      const plain = JSON.parse(JSON.stringify(sent)) as Record<string, unknown>;
      const expected = without(plain) as Record<string, unknown>;
      if ('vllm_xargs' in expected) expected['vllm_xargs'] = without(expected['vllm_xargs']);
      const sampling = expected['sampling_params'];
      if (isObject(sampling) && Object.hasOwn(sampling, 'extra_args')) {
        expected['sampling_params'] = { ...sampling, extra_args: without(sampling['extra_args']) };
      }
      expect(JSON.parse(strip(JSON.stringify(plain, null, indent)))).toEqual(expected);
    }),
  );
});

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
