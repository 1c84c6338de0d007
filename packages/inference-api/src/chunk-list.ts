// SPDX-License-Identifier: Apache-2.0
import type { ByteSpan } from './parsed-request.ts';

/** Hands the bytes of a span to `take`, piece by piece, without copying them. */
export function copySpan(
  chunks: readonly Uint8Array[],
  span: ByteSpan,
  take: (bytes: Uint8Array) => void,
): void {
  let base = 0;
  for (const chunk of chunks) {
    if (base >= span.end) return;
    const from = Math.max(0, span.start - base);
    if (from < chunk.length) take(chunk.subarray(from, Math.min(chunk.length, span.end - base)));
    base += chunk.length;
  }
}

/** How many bytes the chunks have together: what `content-length` must say. */
export function byteLengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** Cuts bytes at these offsets, in any order; offsets outside and repeated ones cut nothing off. Nothing is copied. */
export function cutAt(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let from = 0;
  for (const offset of offsets.toSorted((a, b) => a - b)) {
    if (offset <= from || offset >= bytes.length) continue;
    chunks.push(bytes.subarray(from, offset));
    from = offset;
  }
  chunks.push(bytes.subarray(from));
  return chunks;
}
