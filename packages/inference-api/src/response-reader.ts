// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from './api-descriptor.ts';
import { JsonScanner } from './json/json-scanner.ts';
import { PathReader, pathNode } from './json/path-reader.ts';
import type { FoundValue } from './json/path-reader.ts';
import { TextBuffer } from './json/text-buffer.ts';
import { usageOf } from './usage.ts';
import type { Usage, UsageCounter, UsageCounters } from './usage.ts';

type Leaf = UsageCounter | 'finish' | 'status';

const cached = pathNode<Leaf>({ cached_tokens: 'cached' });

const usage = pathNode<Leaf>({
  prompt_tokens: 'prompt',
  input_tokens: 'prompt',
  completion_tokens: 'completion',
  output_tokens: 'completion',
  total_tokens: 'total',
  prompt_tokens_details: cached,
  input_tokens_details: cached,
  cache_read_input_tokens: 'cacheRead',
  cache_creation_input_tokens: 'cacheCreation',
});

const response = {
  usage,
  status: 'status',
  incomplete_details: pathNode<Leaf>({ reason: 'finish' }),
} as const;

/** Where any of the APIs says how much it took and why it stopped; none uses another one's names otherwise. */
const body = pathNode<Leaf>({
  ...response,
  choices: pathNode<Leaf>({}, pathNode<Leaf>({ finish_reason: 'finish' })),
  // Events of OpenAI's responses.
  response: pathNode<Leaf>(response),
  // Anthropic: a message, and the events that begin and end one.
  stop_reason: 'finish',
  message: pathNode<Leaf>({ usage }),
  delta: pathNode<Leaf>({ stop_reason: 'finish' }),
  // SGLang.
  meta_info: pathNode<Leaf>({
    prompt_tokens: 'prompt',
    completion_tokens: 'completion',
    cached_tokens: 'cached',
    finish_reason: pathNode<Leaf>({ type: 'finish' }),
  }),
});

const MAX_DEPTH = 256;

/**
 * Reads usage and the reason for the end out of JSON: one body in chunks, or one event after another, each of which
 * may bring news. Keeps nothing but these.
 */
export class ResponseReader {
  readonly #api: ApiKind;
  readonly #scanner: JsonScanner;
  readonly #paths: PathReader<Leaf>;
  readonly #text = new TextBuffer();
  readonly #counters: UsageCounters = {};
  #finish: string | undefined;
  #status: string | undefined;

  constructor(api: ApiKind) {
    this.#api = api;
    this.#paths = new PathReader({
      root: body,
      text: this.#text,
      found: (leaf, value) => {
        this.#found(leaf, value);
      },
    });
    this.#scanner = new JsonScanner({
      visitor: this.#paths,
      text: this.#text,
      maxDepth: MAX_DEPTH,
    });
  }

  /** Reads the next bytes of a body. */
  push(chunk: Uint8Array): void {
    this.#scanner.push(chunk);
  }

  /** Reads a document of its own. What is no JSON brings no news. */
  readEvent(data: Uint8Array): void {
    this.#scanner.reset();
    this.#paths.reset();
    this.#scanner.push(data);
  }

  get usage(): Usage | undefined {
    return usageOf(this.#api, this.#counters);
  }

  /** Responses that ended as they should have no reason, only a status. */
  get finishReason(): string | undefined {
    return this.#finish ?? this.#status;
  }

  #found(leaf: Leaf, { kind, value, textStart }: FoundValue): void {
    if (leaf === 'finish' || leaf === 'status') {
      if (kind !== 'string') return;
      const reason = this.#text.stringFrom(textStart);
      if (leaf === 'finish') this.#finish = reason;
      else if (reason !== 'in_progress') this.#status = reason;
    } else if (kind === 'number') this.#counters[leaf] = value;
  }
}
