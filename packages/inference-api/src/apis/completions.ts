// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { anything, objectOf } from '../request-shape.ts';
import type { Shape } from '../request-shape.ts';
import { cacheSalt, limit, model, stream, streamOptions, transferParams } from './shared-fields.ts';

/** One prompt or several, each a text or its token ids. */
export const promptShape: Shape = {
  expected: 'a string, an array of strings, an array of token ids or an array of such arrays',
  string: 'text',
  array: {
    expected: 'a string, a token id or an array of token ids',
    string: 'text',
    number: 'token',
    array: { expected: 'a token id', number: 'token' },
  },
  uniform: true,
};

/** OpenAI's `/v1/completions`. */
export const completions: ApiDescriptor = {
  kind: 'completions',
  pathSuffixes: ['/completions', '/completions/render'],
  request: objectOf([
    model,
    { name: 'prompt', prompt: true, shape: promptShape },
    { name: 'prompt_embeds', insteadOfPrompt: true, shape: anything },
    stream,
    streamOptions,
    limit('max_tokens'),
    cacheSalt,
    ...transferParams,
  ]),
  errors: 'openai',
  streamsUsage: 'on-request',
  responseModelPaths: [['model']],
};
