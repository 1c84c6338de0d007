// SPDX-License-Identifier: Apache-2.0
import type { RequestKeyHasher } from '@llm-d/kv-index';
import type { MediaFeature, TokenizedPrompt } from '@llm-d/scheduler-core';

/** The blocks of one prompt of a request. */
export interface PromptKeys {
  /** Request keys of its whole blocks, as pairs. */
  readonly keys: Uint32Array;
  readonly blocks: number;
  /** Blocks with a placeholder of media in them, ascending. */
  readonly mediaBlocks: readonly number[];
}

export interface PromptKeyOptions {
  readonly hasher: RequestKeyHasher;
  readonly blockSizeTokens: number;
  /** Model that is asked for; a LoRA adapter's name where there is one. */
  readonly model: string;
  /** '' for none. */
  readonly cacheSalt: string;
}

/** Names the whole blocks of each prompt of a request as an index of the engines' events names them. */
export function promptKeys(
  { ids, promptStarts = [], media = [] }: TokenizedPrompt,
  options: PromptKeyOptions,
): readonly PromptKeys[] {
  if (promptStarts.length === 0) return [keysOf(ids, media, options)];
  const starts = [0, ...promptStarts];
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? ids.length;
    const own = media
      .filter(({ offset }) => offset >= start && offset < end)
      .map((feature) => ({ ...feature, offset: feature.offset - start }));
    return keysOf(ids.subarray(start, end), own, options);
  });
}

function keysOf(
  ids: Uint32Array,
  media: readonly MediaFeature[],
  { hasher, blockSizeTokens, model, cacheSalt }: PromptKeyOptions,
): PromptKeys {
  const blocks = Math.floor(ids.length / blockSizeTokens);
  const extras = extrasOf(media, blocks, blockSizeTokens);
  const mediaBlocks = [...extras.keys()].filter((block) => extras[block] !== undefined);
  if (cacheSalt !== '') extras[0] = [...(extras[0] ?? []), cacheSalt];
  const keys = hasher.keys(ids, {
    model,
    blockSizeTokens,
    ...(extras.length > 0 && { extras }),
  });
  return { keys, blocks, mediaBlocks };
}

/** Of each block the media whose placeholders reach into it, by their place. */
function extrasOf(
  media: readonly MediaFeature[],
  blocks: number,
  blockSizeTokens: number,
): (string[] | undefined)[] {
  const extras: (string[] | undefined)[] = [];
  for (const { key, offset, length } of media.toSorted((a, b) => a.offset - b.offset)) {
    const last = Math.min(blocks - 1, Math.floor((offset + length - 1) / blockSizeTokens));
    for (let block = Math.floor(offset / blockSizeTokens); block <= last; block++) {
      (extras[block] ??= []).push(key);
    }
  }
  return extras;
}
