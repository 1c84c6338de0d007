// SPDX-License-Identifier: Apache-2.0
import { anthropicToChat, parseJsonText, writeJsonText } from '@llm-d/inference-api';
import type {
  MediaFeature,
  RequestBody,
  SchedulingRequest,
  TokenizedPrompt,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import type { JsonService } from '../json-service.ts';
import type { RenderParameters } from './token-producer-parameters.ts';

const COMPLETIONS = '/v1/completions/render';
const CHAT = '/v1/chat/completions/render';

/** What a server renders of an API family's requests, and how its body must be given. */
interface Rendering {
  readonly path: string;
  readonly bodyOf: (body: RequestBody, model: string) => Uint8Array | string;
}

const verbatim = (body: RequestBody, model: string): Uint8Array =>
  Buffer.concat(body.withModel(model));

const asChat = (body: RequestBody, model: string): string => {
  const text = Buffer.concat(body.withModel(model)).toString();
  return writeJsonText({ model, ...anthropicToChat(parseJsonText(text)) });
};

const renderings: ReadonlyMap<string, Rendering> = new Map([
  ['completions', { path: COMPLETIONS, bodyOf: verbatim }],
  ['chat-completions', { path: CHAT, bodyOf: verbatim }],
  ['messages', { path: CHAT, bodyOf: asChat }],
  ['count-tokens', { path: CHAT, bodyOf: asChat }],
]);

/** Whether requests of an API family can be rendered. */
export const canRender = (api: string | undefined): boolean =>
  api !== undefined && renderings.has(api);

const placeholder = z.object({ offset: z.int().min(0), length: z.int().min(1) });
const rendered = z.object({
  token_ids: z.array(z.int().min(0).max(0xffff_ffff)),
  features: z
    .object({
      mm_hashes: z.record(z.string(), z.array(z.string())).nullish(),
      mm_placeholders: z.record(z.string(), z.array(placeholder)).nullish(),
    })
    .nullish(),
});
type Rendered = z.output<typeof rendered>;
const answer = z.union([z.array(rendered), rendered]);

/** An answer of a render server that is of no use. */
export class RenderAnswerError extends Error {
  readonly code = 'RENDER_ANSWER';
  readonly path: string;
  constructor(path: string, options?: ErrorOptions) {
    super(`${path} did not answer with token ids`, options);
    this.name = 'RenderAnswerError';
    this.path = path;
  }
}

export interface RenderOptions {
  readonly service: JsonService;
  readonly modelName: string;
  readonly settings: Pick<RenderParameters, 'timeout' | 'mmTimeout'>;
  readonly signal: AbortSignal;
}

/**
 * The prompt of a request as a vLLM server tokenizes it: its body, word for word but for the model, goes to the render
 * endpoint of its API. Anthropic's goes as the chat that vLLM would make of it. Rejects when the server does not answer,
 * refuses or answers something else.
 */
export async function renderPrompt(
  { body, mediaItems = [] }: SchedulingRequest,
  { service, modelName, settings, signal }: RenderOptions,
): Promise<TokenizedPrompt | undefined> {
  const rendering = body && renderings.get(body.api);
  if (body === undefined || rendering === undefined) return undefined;
  const { path, bodyOf } = rendering;
  const given = await service.call({
    path,
    body: bodyOf(body, modelName),
    timeoutMs: mediaItems.length > 0 ? settings.mmTimeout : settings.timeout,
    signal,
  });
  const read = answer.safeParse(given);
  if (!read.success) throw new RenderAnswerError(path, { cause: read.error });
  const prompts = Array.isArray(read.data) ? read.data : [read.data];
  if (prompts.length === 0) throw new RenderAnswerError(path);
  return join(prompts);
}

/** Several prompts of one request follow each other. */
function join(prompts: readonly Rendered[]): TokenizedPrompt {
  const ids = new Uint32Array(prompts.reduce((sum, prompt) => sum + prompt.token_ids.length, 0));
  const media: MediaFeature[] = [];
  const promptStarts: number[] = [];
  let at = 0;
  for (const prompt of prompts) {
    if (at > 0) promptStarts.push(at);
    ids.set(prompt.token_ids, at);
    media.push(...featuresOf(prompt, at));
    at += prompt.token_ids.length;
  }
  return {
    ids,
    estimated: false,
    ...(promptStarts.length > 0 && { promptStarts }),
    ...(media.length > 0 && { media }),
  };
}

function featuresOf({ features }: Rendered, at: number): readonly MediaFeature[] {
  const found: MediaFeature[] = [];
  for (const kind of ['image', 'audio', 'video'] as const) {
    const hashes = features?.mm_hashes?.[kind] ?? [];
    const places = features?.mm_placeholders?.[kind] ?? [];
    hashes.forEach((key, i) => {
      const place = places[i];
      if (place) found.push({ kind, key, offset: at + place.offset, length: place.length });
    });
  }
  return found.sort((a, b) => a.offset - b.offset);
}
