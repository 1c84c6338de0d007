// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { anything, objectOf } from '../request-shape.ts';
import type { FieldSpec } from '../request-shape.ts';
import { openAiContent } from './content-parts.ts';
import {
  cacheSalt,
  limit,
  model,
  stream,
  streamOptions,
  textShape,
  tools,
  transferParams,
} from './shared-fields.ts';

/** A conversation: per message its role, its content and its tool calls. */
export const chatMessages: FieldSpec = {
  name: 'messages',
  prompt: true,
  shape: {
    expected: 'an array of messages',
    array: {
      expected: 'a message object',
      object: objectOf([
        { name: 'role', order: 0, shape: textShape },
        { name: 'content', shape: openAiContent },
        { name: 'tool_calls', order: 2, raw: true, shape: anything },
      ]),
    },
  },
};

/** OpenAI's `/v1/chat/completions`. */
export const chatCompletions: ApiDescriptor = {
  kind: 'chat-completions',
  pathSuffixes: ['/chat/completions', '/chat/completions/render'],
  request: objectOf([
    model,
    chatMessages,
    tools,
    stream,
    streamOptions,
    limit('max_completion_tokens'),
    limit('max_tokens', 1),
    cacheSalt,
    ...transferParams,
  ]),
  errors: 'openai',
  streamsUsage: 'on-request',
  responseModelPaths: [['model']],
};
