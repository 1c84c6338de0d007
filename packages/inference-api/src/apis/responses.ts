// SPDX-License-Identifier: Apache-2.0
import type { ApiDescriptor } from '../api-descriptor.ts';
import { anything, objectOf } from '../request-shape.ts';
import type { Shape } from '../request-shape.ts';
import { openAiContent } from './content-parts.ts';
import {
  cacheSalt,
  limit,
  model,
  stream,
  textShape,
  tools,
  transferParams,
} from './shared-fields.ts';

const lenientText: Shape = { ...textShape, lenient: true };

/** Messages, calls of functions and what they returned; other items are looked over. */
const inputItem: Shape = {
  expected: 'an input item',
  object: objectOf([
    { name: 'role', order: 0, shape: textShape },
    { name: 'name', order: 0, shape: lenientText },
    { name: 'content', shape: openAiContent },
    { name: 'arguments', shape: lenientText },
    { name: 'output', shape: { ...openAiContent, lenient: true } },
  ]),
};

/** OpenAI's `/v1/responses`. Earlier turns that the server remembers are not part of the prompt read here. */
export const responses: ApiDescriptor = {
  kind: 'responses',
  pathSuffixes: ['/responses'],
  request: objectOf([
    model,
    tools,
    { name: 'instructions', order: 1, shape: lenientText },
    {
      name: 'input',
      order: 2,
      prompt: true,
      shape: { expected: 'a string or an array of input items', string: 'text', array: inputItem },
    },
    ...['previous_response_id', 'conversation', 'prompt', 'previous_input_messages'].map(
      (name) => ({ name, insteadOfPrompt: true as const, shape: anything }),
    ),
    stream,
    limit('max_output_tokens'),
    cacheSalt,
    ...transferParams,
  ]),
  errors: 'openai',
  streamsUsage: 'always',
  responseModelPaths: [['model'], ['response', 'model']],
};
