// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { objectOf } from '../request-shape.ts';
import { chatMessages } from './chat-completions.ts';
import { promptShape } from './completions.ts';
import { cacheSalt, model } from './shared-fields.ts';

/** OpenAI's `/v1/embeddings`; vLLM also embeds a conversation. */
export const embeddings: ApiDescriptor = {
  kind: 'embeddings',
  pathSuffixes: ['/embeddings'],
  request: objectOf([
    model,
    { name: 'input', prompt: true, shape: promptShape },
    chatMessages,
    cacheSalt,
  ]),
  errors: 'openai',
  streamsUsage: 'on-request',
  responseModelPaths: [['model']],
};
