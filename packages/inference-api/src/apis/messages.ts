// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { objectOf } from '../request-shape.ts';
import { anthropicContent } from './content-parts.ts';
import {
  cacheSalt,
  limit,
  model,
  stream,
  textShape,
  tools,
  transferParams,
} from './shared-fields.ts';

const request = objectOf([
  model,
  tools,
  { name: 'system', order: 1, shape: anthropicContent },
  {
    name: 'messages',
    order: 2,
    prompt: true,
    shape: {
      expected: 'an array of messages',
      array: {
        expected: 'a message object',
        object: objectOf([
          { name: 'role', order: 0, shape: textShape },
          { name: 'content', shape: anthropicContent },
        ]),
      },
    },
  },
  stream,
  limit('max_tokens'),
  cacheSalt,
  ...transferParams,
]);

/** Anthropic's `/v1/messages`. */
export const messages: ApiDescriptor = {
  kind: 'messages',
  pathSuffixes: ['/messages'],
  request,
  errors: 'anthropic',
  streamsUsage: 'always',
  responseModelPaths: [['model'], ['message', 'model']],
};

/** Anthropic's `/v1/messages/count_tokens`: the same request, answered with a number. */
export const countTokens: ApiDescriptor = {
  ...messages,
  kind: 'count-tokens',
  pathSuffixes: ['/messages/count_tokens'],
};
