// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { objectOf } from '../request-shape.ts';
import type { FieldSpec, MediaKind } from '../request-shape.ts';
import {
  cacheSalt,
  model,
  samplingParams,
  stream,
  streamOptions,
  transferParams,
} from './shared-fields.ts';

function hashesOf(media: MediaKind): FieldSpec {
  return {
    name: media,
    media,
    shape: {
      expected: 'an array of hashes',
      array: { expected: 'a hash', string: 'media', lenient: true },
      lenient: true,
    },
  };
}

/** vLLM's `/inference/v1/generate`: a rendered prompt as token ids, media by their hashes. */
export const vllmGenerate: ApiDescriptor = {
  kind: 'vllm-generate',
  pathSuffixes: ['/inference/v1/generate'],
  request: objectOf([
    model,
    {
      name: 'token_ids',
      prompt: true,
      shape: {
        expected: 'an array of token ids',
        array: { expected: 'a token id', number: 'token' },
      },
    },
    {
      name: 'features',
      order: 2,
      shape: {
        expected: 'an object',
        object: objectOf([
          {
            name: 'mm_hashes',
            shape: {
              expected: 'an object',
              object: {
                ...objectOf([hashesOf('image'), hashesOf('audio'), hashesOf('video')]),
                isPart: false,
              },
            },
          },
        ]),
      },
    },
    samplingParams('max_tokens'),
    stream,
    streamOptions,
    cacheSalt,
    ...transferParams,
  ]),
  errors: 'openai',
  streamsUsage: 'on-request',
  responseModelPaths: [['model']],
};
