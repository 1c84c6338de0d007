// SPDX-License-Identifier: Apache-2.0
import { bodyTooLarge, createBodyIntake } from '@llm-d/endpoint-picker';
import type { ApiError, ApiKind, ParsedRequest } from '@llm-d/inference-api';
import type { FrontRequest } from '../front/listener.ts';

/** A request body as it came, and what was understood of it. */
export type ReadBody =
  | {
      readonly kind: 'read';
      readonly chunks: readonly Uint8Array[];
      readonly parsed: ParsedRequest | undefined;
    }
  | { readonly kind: 'bad'; readonly error: ApiError }
  /** The client went away in the middle. */
  | { readonly kind: 'gone' };

export interface ReadBodyOptions {
  /** Undefined: the body is only collected. */
  readonly api: ApiKind | undefined;
  readonly maxBytes: number;
  /** Cuts the client off. */
  readonly cut: () => void;
}

/**
 * Reads and parses a body while it arrives; settles early when it is known to be bad and discards the rest then. Never
 * rejects.
 */
export function readBody(
  request: FrontRequest,
  { api, maxBytes, cut }: ReadBodyOptions,
): Promise<ReadBody> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) {
    discardBody(request, { maxBytes, cut });
    return Promise.resolve({ kind: 'bad', error: bodyTooLarge(maxBytes) });
  }
  const intake = createBodyIntake({ api, maxBytes });
  return new Promise((resolve) => {
    const read = (chunk: Buffer) => {
      intake.push(chunk);
      if (intake.error === undefined) return;
      request.off('data', read);
      discardBody(request, { maxBytes, cut });
      resolve({ kind: 'bad', error: intake.error });
    };
    request.on('data', read);
    request.on('end', () => {
      const result = intake.end();
      if (result.ok) resolve({ kind: 'read', chunks: intake.chunks, parsed: result.request });
      else resolve({ kind: 'bad', error: result.error });
    });
    // After a complete body these come too late to matter.
    const gone = () => {
      resolve({ kind: 'gone' });
    };
    request.on('error', gone);
    request.on('close', gone);
  });
}

/**
 * Reads the rest of a body without keeping it: a client that is still sending when its connection closes never gets to
 * see its answer. Cuts off one that sends more than `maxBytes` from here on.
 */
export function discardBody(
  request: FrontRequest,
  { maxBytes, cut }: Pick<ReadBodyOptions, 'maxBytes' | 'cut'>,
): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) cut();
  });
}
