// SPDX-License-Identifier: Apache-2.0
import type { ApiError } from './api-error.ts';
import type { ApiKind } from './api-descriptor.ts';
import type { MediaKind } from './request-shape.ts';

/** The bytes from `start` up to, not including, `end`, counted over all chunks of a body. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * What the engine is asked to read, in the order in which it reads it, apart from what chat templates add.
 * Text is unescaped UTF-8: tools as their raw JSON, then per message its role, its text and its tool calls. Several
 * prompts of one request follow each other. The arrays are the receiver's own.
 */
export type Prompt =
  | { readonly kind: 'none' }
  | { readonly kind: 'text'; readonly bytes: Uint8Array }
  | { readonly kind: 'tokens'; readonly ids: Uint32Array };

/** A content part that is no text. */
export interface MediaItem {
  readonly kind: MediaKind;
  /** The JSON string literal, quotes included, of its URL, data or hash; undefined if it has none. */
  readonly payload: ByteSpan | undefined;
  /** Bytes of the prompt's text that stand before it; 0 where the prompt is no text. */
  readonly textOffset: number;
}

/** What routing needs to know of a request. The body itself stays as it came. */
export interface ParsedRequest {
  readonly api: ApiKind;
  /** Undefined if the request names none, or null. */
  readonly model: string | undefined;
  /**
   * The values of all top-level `model` members: a string literal with its quotes, or `null`. Parsers take the last of
   * several, so whoever renames the model renames all.
   */
  readonly modelSpans: readonly ByteSpan[];
  /** Offset just behind the body's opening brace, where a member can be inserted. */
  readonly firstMemberOffset: number;
  readonly stream: boolean;
  /** Whether `stream_options.include_usage` is true. */
  readonly includeUsage: boolean;
  /** The limit on generated tokens; undefined if there is none or it is negative, which engines take for none or refuse. */
  readonly maxOutputTokens: number | undefined;
  readonly prompt: Prompt;
  /** What the client separates its prefix cache by: `cache_salt`, or SGLang's `extra_key`. */
  readonly cacheSalt: string | undefined;
  readonly mediaItems: readonly MediaItem[];
  readonly bodyBytes: number;
  /**
   * Members, from their key to the end of their value, by which engines hand each other KV and encoder caches.
   * {@link removeSpans} takes them out of a client's body.
   */
  readonly kvTransferParamSpans: readonly ByteSpan[];
}

/** Outcome of parsing: what was read, or the answer for the client. */
export type ParseResult =
  | { readonly ok: true; readonly request: ParsedRequest }
  | { readonly ok: false; readonly error: ApiError };
