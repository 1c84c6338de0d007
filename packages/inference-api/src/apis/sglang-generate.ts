// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { objectOf } from '../request-shape.ts';
import type { FieldSpec, MediaKind } from '../request-shape.ts';
import { model, samplingParams, stream, transferParams } from './shared-fields.ts';

function mediaData(name: string, media: MediaKind): FieldSpec {
  return {
    name,
    media,
    order: media === 'image' ? 2 : 3,
    shape: {
      expected: 'a string or an array of strings',
      string: 'media',
      array: { expected: 'a string', string: 'media', lenient: true },
      lenient: true,
    },
  };
}

/** SGLang's native `/generate`. A batch may bring arrays where one prompt brings single values. */
export const sglangGenerate: ApiDescriptor = {
  kind: 'sglang-generate',
  pathSuffixes: ['/generate'],
  request: objectOf([
    model,
    {
      name: 'text',
      prompt: true,
      shape: {
        expected: 'a string or an array of strings',
        string: 'text',
        array: { expected: 'a string', string: 'text' },
      },
    },
    {
      name: 'input_ids',
      prompt: true,
      shape: {
        expected: 'an array of token ids or an array of such arrays',
        array: {
          expected: 'a token id or an array of token ids',
          number: 'token',
          array: { expected: 'a token id', number: 'token' },
        },
        uniform: true,
      },
    },
    { name: 'input_embeds', insteadOfPrompt: true, shape: { expected: 'anything', lenient: true } },
    mediaData('image_data', 'image'),
    mediaData('audio_data', 'audio'),
    mediaData('video_data', 'video'),
    samplingParams('max_new_tokens'),
    stream,
    // What SGLang separates prefix caches by.
    { name: 'extra_key', shape: { expected: 'a string', string: 'cacheSalt', lenient: true } },
    ...transferParams,
  ]),
  errors: 'openai',
  streamsUsage: 'always',
  responseModelPaths: [['model']],
};
