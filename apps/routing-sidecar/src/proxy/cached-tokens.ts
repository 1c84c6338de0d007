// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from '@llm-d/inference-api';
import {
  memberBytes,
  nestedBody,
  readRequestBody,
  withMembers,
  type RequestBody,
} from '../body/request-body.ts';
import type { AnswerRewriter } from './relay.ts';

/** The member of `usage` that an API tells `cached_tokens` in; undefined where it tells it in another way. */
export function cachedTokensMember(api: ApiKind): string | undefined {
  switch (api) {
    case 'chat-completions':
    case 'completions':
    case 'vllm-generate':
      return 'prompt_tokens_details';
    case 'responses':
      return 'input_tokens_details';
    default:
      return undefined;
  }
}

export interface CachedTokensOptions {
  readonly api: ApiKind;
  /** Whether the answer is a stream of server-sent events. */
  readonly streaming: boolean;
  /** How many of the prompt's tokens the prefiller had in its cache. */
  readonly cachedTokens: number;
}

/** What is held back of a line or a document that has not ended; a longer one goes on as it is. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
const LF = 0x0a;
/** Without its opening quote, whose frequency would slow the search down. */
const USAGE_KEY = Buffer.from('usage"');
const DATA = 'data:';

/**
 * Makes an answer's `usage` say what the prefiller had cached: the decode server knows its own cache only. Nothing else is
 * changed, and of a stream no more is held back than the line that has not ended.
 */
export function createCachedTokensRewriter(options: CachedTokensOptions): AnswerRewriter {
  return options.streaming ? new LineRewriter(options) : new DocumentRewriter(options);
}

class LineRewriter implements AnswerRewriter {
  readonly #options: CachedTokensOptions;
  #held: Buffer[] = [];
  #heldBytes = 0;

  constructor(options: CachedTokensOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): readonly Buffer[] {
    const end = chunk.lastIndexOf(LF) + 1;
    if (end === 0) {
      this.#hold(chunk);
      return this.#heldBytes > MAX_HELD_BYTES ? this.#release() : [];
    }
    const whole = [...this.#release(), chunk.subarray(0, end)];
    if (end < chunk.length) this.#hold(chunk.subarray(end));
    return this.#rewritten(whole);
  }

  end(): readonly Buffer[] {
    return this.#rewritten(this.#release());
  }

  #hold(piece: Buffer): void {
    this.#held.push(piece);
    this.#heldBytes += piece.length;
  }

  #release(): Buffer[] {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return held;
  }

  /** Whole lines, in pieces that are cut anywhere. */
  #rewritten(pieces: Buffer[]): readonly Buffer[] {
    const [first] = pieces;
    if (first === undefined) return [];
    const lines = pieces.length === 1 ? first : Buffer.concat(pieces);
    if (!lines.includes(USAGE_KEY)) return [lines];
    const changed: Buffer[] = [];
    for (let at = 0; at < lines.length;) {
      const lf = lines.indexOf(LF, at);
      const end = lf < 0 ? lines.length : lf + 1;
      changed.push(this.#line(lines.subarray(at, end)));
      at = end;
    }
    return changed;
  }

  #line(line: Buffer): Buffer {
    if (!line.includes(USAGE_KEY) || line.toString('latin1', 0, DATA.length) !== DATA) return line;
    // What is around it is white space, which JSON may have at both ends.
    const document = withCachedTokens(line.subarray(DATA.length), this.#options);
    return document === undefined ? line : Buffer.concat([line.subarray(0, DATA.length), document]);
  }
}

class DocumentRewriter implements AnswerRewriter {
  readonly #options: CachedTokensOptions;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #tooLong = false;

  constructor(options: CachedTokensOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): readonly Buffer[] {
    if (this.#tooLong) return [chunk];
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= MAX_HELD_BYTES) return [];
    this.#tooLong = true;
    const held = this.#held;
    this.#held = [];
    return held;
  }

  end(): readonly Buffer[] {
    if (this.#tooLong || this.#heldBytes === 0) return [];
    const document = Buffer.concat(this.#held);
    return [withCachedTokens(document, this.#options) ?? document];
  }
}

/** A document whose usage says so; undefined where it says so already, or has none. */
function withCachedTokens(document: Buffer, options: CachedTokensOptions): Buffer | undefined {
  const read = readRequestBody(document);
  if (read.kind !== 'object') return undefined;
  return usageChanged(read.body, options) ?? responseChanged(read.body, options);
}

function usageChanged(body: RequestBody, options: CachedTokensOptions): Buffer | undefined {
  const usage = nestedBody(body, 'usage');
  const changed = usage && detailsChanged(usage, options);
  return changed && withMembers(body, new Map([['usage', changed]]));
}

/** Events of the Responses API carry the response inside of them. */
function responseChanged(body: RequestBody, options: CachedTokensOptions): Buffer | undefined {
  const response = nestedBody(body, 'response');
  const changed = response && usageChanged(response, options);
  return changed && withMembers(body, new Map([['response', changed]]));
}

function detailsChanged(
  usage: RequestBody,
  { api, cachedTokens }: CachedTokensOptions,
): Buffer | undefined {
  const member = cachedTokensMember(api);
  if (member === undefined) return undefined;
  const details = nestedBody(usage, member);
  if (details === undefined) {
    return withMembers(usage, new Map([[member, `{"cached_tokens":${cachedTokens}}`]]));
  }
  const current = memberBytes(details, 'cached_tokens')?.toString('latin1');
  if (current === String(cachedTokens)) return undefined;
  const changed = withMembers(details, new Map([['cached_tokens', String(cachedTokens)]]));
  return withMembers(usage, new Map([[member, changed]]));
}
