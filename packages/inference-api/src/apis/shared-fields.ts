// SPDX-License-Identifier: Apache-2.0
import { anything, objectOf } from '../request-shape.ts';
import type { FieldSpec, Shape } from '../request-shape.ts';

const aString = 'a string';

export const textShape: Shape = { expected: aString, string: 'text' };

export const model: FieldSpec = { name: 'model', shape: { expected: aString, string: 'model' } };

export const cacheSalt: FieldSpec = {
  name: 'cache_salt',
  shape: { expected: aString, string: 'cacheSalt' },
};

export const stream: FieldSpec = {
  name: 'stream',
  shape: { expected: 'true or false', boolean: 'stream' },
};

export const streamOptions: FieldSpec = {
  name: 'stream_options',
  shape: {
    expected: 'an object',
    object: objectOf([
      { name: 'include_usage', shape: { expected: 'true or false', boolean: 'includeUsage' } },
    ]),
  },
};

/** A limit on the tokens generated; see `rank` of {@link FieldSpec}. */
export function limit(name: string, rank = 0): FieldSpec {
  return { name, rank, shape: { expected: 'an integer', number: 'limit' } };
}

/** The definitions of tools, which chat templates put before everything else. */
export const tools: FieldSpec = { name: 'tools', order: 0, raw: true, shape: anything };

const transferFields: readonly FieldSpec[] = [
  'kv_transfer_params',
  'ec_transfer_params',
  // SGLang's way to the other half of a prefill/decode pair.
  'bootstrap_host',
  'bootstrap_port',
  'bootstrap_room',
].map((name) => ({ name, strip: true, shape: anything }));

/**
 * Members by which engines of one deployment talk to each other. A client must not: vLLM hands them to its KV
 * connector unchecked. `vllm_xargs` becomes the same `extra_args` that the connector reads.
 */
export const transferParams: readonly FieldSpec[] = [
  ...transferFields,
  {
    name: 'vllm_xargs',
    shape: { expected: 'an object', object: objectOf(transferFields), lenient: true },
  },
];

/** `sampling_params` of the token-level APIs. */
export function samplingParams(limitName: string): FieldSpec {
  return {
    name: 'sampling_params',
    shape: {
      expected: 'an object',
      object: objectOf([
        limit(limitName),
        {
          name: 'extra_args',
          shape: { expected: 'an object', object: objectOf(transferFields), lenient: true },
        },
      ]),
      // SGLang takes one object per prompt of a batch.
      lenient: true,
    },
  };
}
