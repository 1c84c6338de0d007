// SPDX-License-Identifier: Apache-2.0
import type { OpenStreamOptions } from '../proxy/ext-proc-connection.ts';
import type { HeaderList } from '../proxy/header-list.ts';
import type { PlainStruct } from '../proxy/plain-struct.ts';

/**
 * How a body ends: its last chunk says so (clients of HTTP/2), an empty chunk behind it does (clients of HTTP/1.1), or
 * trailers follow it and no chunk is the last.
 */
export type BodyEnding = 'last-chunk' | 'empty-chunk' | 'trailers';

/** What the model server answers. */
export interface AnswerScript {
  /** Default 200. */
  readonly status?: number;
  /** Besides `:status`. Default `content-type: application/json`. */
  readonly headers?: HeaderList;
  /** Chunks of the body as the proxy passes them on. Undefined: the answer has no body. */
  readonly chunks: readonly (string | Uint8Array)[] | undefined;
  /** Default `last-chunk`. */
  readonly ending?: BodyEnding;
  /** Default false. True: a chunk is sent when the one before it has come back, as in a stream of tokens. */
  readonly isStepwise?: boolean;
  /** The endpoint that the proxy says has served the request. Default: the one that was chosen. `null`: it says nothing. */
  readonly served?: string | null;
}

/** Candidates that the proxy allows: the value of the subset hint. */
export type SubsetHint = string | readonly string[];

/** One HTTP exchange as the proxy sees it, and what it does about it. */
export interface ExchangeScript {
  /** Default POST, or GET where there is no body. */
  readonly method?: string;
  readonly path: string;
  /** Headers of the client besides the ones that every request has. The same name replaces. */
  readonly headers?: HeaderList;
  /** Where header values stand. Default `raw_value`. */
  readonly headerField?: 'raw_value' | 'value';
  /** Undefined: the request has no body. */
  readonly body?: string | Uint8Array;
  /** Sizes of the chunks in turn, 0 for an empty one, the last one for all the rest. Default Envoy's 32,768. */
  readonly chunkBytes?: readonly number[];
  /** Default `empty-chunk`. */
  readonly bodyEnding?: BodyEnding;
  readonly subset?: SubsetHint;
  /** Messages that carry the hint. Default all of the request, as Envoy does. */
  readonly subsetOn?: 'request' | 'headers' | 'body';
  /** Further metadata by namespace, on every message. */
  readonly metadata?: Readonly<Record<string, PlainStruct>>;
  /** Undefined: the exchange is over when the request has its place. */
  readonly answer?: AnswerScript;
  /** How the proxy ends the stream. Default as Envoy from 1.37 on. */
  readonly finish?: 'reset' | 'reset-no-error' | 'half-close';
  /** Default 0. How long to listen, when all is said, for what should not come. */
  readonly lingerMs?: number;
  /** Of the gRPC call. */
  readonly call?: OpenStreamOptions;
}

/** A chunk size for bodies that are passed on in one piece. */
export const WHOLE: readonly number[] = [Infinity];

/** Cuts bytes into chunks; see {@link ExchangeScript.chunkBytes}. Empty for no bytes. */
export function chunksOf(
  bytes: Uint8Array,
  sizes: readonly number[] = [32_768],
): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  const last = sizes.at(-1) ?? Infinity;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i] ?? last;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}
