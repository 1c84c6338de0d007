// SPDX-License-Identifier: Apache-2.0
import { readImageSize, type ByteSpan, type ParsedRequest } from '@llm-d/inference-api';
import type { MediaItem } from '@llm-d/scheduler-core';
import { createHash } from 'node:crypto';

/**
 * Of a longer payload only its length and this many bytes of its beginning and of its end go into its key: a film of
 * megabytes is told from another one by them, and hashing all of it would hold up every other request.
 */
const END_BYTES = 32 * 1024;

/**
 * Media that a request carries, with a key that is the same for the same content, and the size of pictures that came
 * along.
 */
export function mediaItemsOf(
  { mediaItems }: Pick<ParsedRequest, 'mediaItems'>,
  chunks: readonly Uint8Array[],
): readonly MediaItem[] {
  const items: MediaItem[] = [];
  for (const { kind, payload, textOffset } of mediaItems) {
    if (kind === 'file' || payload === undefined) continue;
    const pixels = kind === 'image' ? readImageSize(chunks, payload) : undefined;
    items.push({ kind, key: keyOf(chunks, payload), textOffset, ...(pixels && { pixels }) });
  }
  return items;
}

function keyOf(chunks: readonly Uint8Array[], { start, end }: ByteSpan): string {
  const hash = createHash('sha1').update(`${end - start} `);
  const update = (span: ByteSpan): void => {
    let base = 0;
    for (const chunk of chunks) {
      const from = Math.max(0, span.start - base);
      const to = Math.min(chunk.length, span.end - base);
      if (from < to) hash.update(chunk.subarray(from, to));
      base += chunk.length;
    }
  };
  if (end - start <= 2 * END_BYTES) update({ start, end });
  else {
    update({ start, end: start + END_BYTES });
    update({ start: end - END_BYTES, end });
  }
  return hash.digest('base64url');
}
