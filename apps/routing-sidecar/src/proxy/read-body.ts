// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';

/** How reading a body ended. */
export type BodyOutcome =
  | { readonly kind: 'read'; readonly bytes: Buffer }
  | { readonly kind: 'too-large' }
  /** The client went away in the middle. */
  | { readonly kind: 'gone' };

/**
 * Reads a body whole. Of one that is too large the rest is read without being kept, for a client that is still sending when
 * its connection closes never gets to see its answer; one that sends as much again is cut off. Never rejects.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<BodyOutcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const announced = Number(request.headers['content-length'] ?? 0);
    let isTooLarge = announced > maxBytes;
    if (isTooLarge) resolve({ kind: 'too-large' });
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes && !isTooLarge) {
        chunks.push(chunk);
        return;
      }
      if (!isTooLarge) resolve({ kind: 'too-large' });
      isTooLarge = true;
      chunks.length = 0;
      if (bytes > 2 * maxBytes) request.destroy();
    });
    request.on('end', () => {
      const [first = Buffer.alloc(0), ...more] = chunks;
      resolve({ kind: 'read', bytes: more.length === 0 ? first : Buffer.concat(chunks) });
    });
    // After a complete body these come too late to matter.
    const gone = (): void => {
      resolve({ kind: 'gone' });
    };
    request.on('error', gone);
    request.on('close', gone);
  });
}
