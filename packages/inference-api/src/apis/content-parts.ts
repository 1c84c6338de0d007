// SPDX-License-Identifier: Apache-2.0
import { anything, objectOf } from '../request-shape.ts';
import type { FieldSpec, MediaKind, ObjectShape, Shape } from '../request-shape.ts';
import { textShape } from './shared-fields.ts';

/** A part's payload: the URL or data itself, or an object that holds it under one of these names. */
function payload(name: string, media: MediaKind | undefined, ...members: string[]): FieldSpec {
  const string: Shape = { expected: 'a string', string: 'media', lenient: true };
  const mark = media === undefined ? {} : { media };
  const object = objectOf(members.map((member) => ({ name: member, shape: string, ...mark })));
  return { name, ...mark, shape: { ...string, object: { ...object, isPart: false } } };
}

const partFields: readonly FieldSpec[] = [
  { name: 'type', shape: { expected: 'a string', string: 'partType' } },
  { name: 'text', shape: textShape },
  payload('image_url', 'image', 'url'),
  payload('input_audio', 'audio', 'data'),
  payload('audio_url', 'audio', 'url'),
  payload('video_url', 'video', 'url'),
  payload('file', 'file', 'file_data', 'file_id'),
  payload('file_data', 'file'),
];

/** The content of an OpenAI message: a string, or parts of which some are strings. */
export const openAiContent: Shape = {
  expected: 'a string or an array of content parts',
  string: 'text',
  array: {
    expected: 'a content part',
    string: 'text',
    object: objectOf([...partFields, { name: 'refusal', shape: textShape }]),
  },
};

/** An array of Anthropic content blocks; what a tool returned is itself a string or such blocks. */
function anthropicBlocks(nested: FieldSpec[]): ObjectShape {
  return objectOf([
    { name: 'type', shape: { expected: 'a string', string: 'partType' } },
    { name: 'text', shape: textShape },
    { name: 'thinking', shape: textShape },
    { name: 'name', shape: { ...textShape, lenient: true } },
    { name: 'input', raw: true, shape: anything },
    payload('source', undefined, 'data', 'url', 'file_id'),
    ...nested,
  ]);
}

function anthropicContentOf(object: ObjectShape): Shape {
  return {
    expected: 'a string or an array of content blocks',
    string: 'text',
    array: { expected: 'a content block', object },
  };
}

/** The content of an Anthropic message, or its system prompt. */
export const anthropicContent: Shape = anthropicContentOf(
  anthropicBlocks([
    { name: 'content', shape: { ...anthropicContentOf(anthropicBlocks([])), lenient: true } },
  ]),
);
