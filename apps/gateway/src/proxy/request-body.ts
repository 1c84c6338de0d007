// SPDX-License-Identifier: Apache-2.0
import {
  apiError,
  createRequestParser,
  type ApiError,
  type ApiKind,
  type ParsedRequest,
} from '@llm-d/inference-api';
import type { FrontRequest } from '../front/listener.ts';

/** A request body as it came, and what was understood of it. */
export type ReadBody =
  | {
      readonly kind: 'read';
      readonly chunks: readonly Uint8Array[];
      readonly parsed: ParsedRequest | undefined;
    }
  /** Bad; `complete` says whether all of it was read nevertheless. */
  | { readonly kind: 'bad'; readonly error: ApiError; readonly complete: boolean }
  /** The client went away in the middle. */
  | { readonly kind: 'gone' };

export interface ReadBodyOptions {
  /** Undefined: the body is only collected. */
  readonly api: ApiKind | undefined;
  readonly maxBytes: number;
}

/** Reads and parses a body while it arrives; stops early when it is known to be bad. Never rejects. */
export function readBody(
  request: FrontRequest,
  { api, maxBytes }: ReadBodyOptions,
): Promise<ReadBody> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    return Promise.resolve({ kind: 'bad', error: tooLarge(maxBytes), complete: false });
  }
  const parser =
    api === undefined ? collector(maxBytes) : createRequestParser({ api, maxBodyBytes: maxBytes });
  return new Promise((resolve) => {
    request.on('data', (chunk: Buffer) => {
      parser.push(chunk);
      if (parser.error === undefined) return;
      request.pause();
      resolve({ kind: 'bad', error: parser.error, complete: false });
    });
    request.on('end', () => {
      const result = parser.end();
      if (result.ok) resolve({ kind: 'read', chunks: parser.chunks, parsed: result.request });
      else resolve({ kind: 'bad', error: result.error, complete: true });
    });
    // After a complete body these come too late to matter.
    const gone = () => {
      resolve({ kind: 'gone' });
    };
    request.on('error', gone);
    request.on('close', gone);
  });
}

const tooLarge = (maxBytes: number): ApiError =>
  apiError('body_too_large', `the request body has more than the accepted ${maxBytes} bytes`);

/** Stands in for a parser where the body is nobody's business. */
function collector(maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let error: ApiError | undefined;
  return {
    chunks,
    get error() {
      return error;
    },
    push: (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > maxBytes) error = tooLarge(maxBytes);
      else chunks.push(chunk);
    },
    end: ():
      | { readonly ok: true; readonly request: undefined }
      | { readonly ok: false; readonly error: ApiError } =>
      error === undefined ? { ok: true, request: undefined } : { ok: false, error },
  };
}
