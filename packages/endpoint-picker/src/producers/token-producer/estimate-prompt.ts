// SPDX-License-Identifier: Apache-2.0
import { BYTES_PER_ESTIMATED_TOKEN, estimateTokens } from '@llm-d/inference-api';
import type { MediaFeature, MediaItem, TokenizedPrompt } from '@llm-d/scheduler-core';

/** A request may say that its media are of any size; no more placeholders than this are made of them together. */
const MAX_PLACEHOLDERS = 1 << 20;

/**
 * Pseudo tokens of a prompt: four bytes each, and for every item of media as many tokens as it takes, all of them made
 * of its key. Text before an item is padded to a whole token, so that a prompt that goes on differently after the item
 * shares the tokens up to there.
 */
export function estimatePrompt(
  text: Uint8Array,
  mediaItems: readonly MediaItem[],
  tokensOf: (item: MediaItem) => number,
): TokenizedPrompt {
  if (mediaItems.length === 0) return { ids: estimateTokens(text), estimated: true };
  const media: MediaFeature[] = [];
  const places: { readonly from: number; readonly until: number; readonly at: number }[] = [];
  let left = MAX_PLACEHOLDERS;
  let at = 0;
  let from = 0;
  const addText = (until: number): void => {
    places.push({ from, until, at });
    at += Math.ceil((until - from) / BYTES_PER_ESTIMATED_TOKEN);
    from = until;
  };
  for (const item of mediaItems) {
    const { kind, key, textOffset = 0 } = item;
    addText(Math.min(text.length, Math.max(from, textOffset)));
    const length = Math.max(1, Math.min(tokensOf(item), left));
    left -= length;
    media.push({ kind, key, offset: at, length });
    at += length;
  }
  addText(text.length);

  const ids = new Uint32Array(at);
  const bytes = new Uint8Array(ids.buffer);
  for (const place of places) {
    bytes.set(text.subarray(place.from, place.until), place.at * BYTES_PER_ESTIMATED_TOKEN);
  }
  for (const { key, offset, length } of media) ids.fill(hashOf(key), offset, offset + length);
  return { ids, estimated: true, media };
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) {
    hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}
