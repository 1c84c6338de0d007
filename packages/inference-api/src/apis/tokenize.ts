// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { objectOf } from '../request-shape.ts';
import { chatMessages } from './chat-completions.ts';
import { model, textShape, tools } from './shared-fields.ts';

/** vLLM's `/tokenize`, of a text or of a conversation. */
export const tokenize: ApiDescriptor = {
  kind: 'tokenize',
  pathSuffixes: ['/tokenize'],
  request: objectOf([
    model,
    { name: 'prompt', prompt: true, shape: textShape },
    chatMessages,
    tools,
  ]),
  errors: 'openai',
  streamsUsage: 'on-request',
  responseModelPaths: [['model']],
};
