// SPDX-License-Identifier: Apache-2.0
import { BYTES_PER_ESTIMATED_TOKEN } from '@llm-d/inference-api';
import { pseudoText } from './pseudo-text.ts';

/** How prompts are made from block ids. */
export interface BlockPromptOptions {
  /** Changes every text. */
  readonly seed: number;
  /** Tokens of a whole block: 512 for a Mooncake trace. */
  readonly blockTokens: number;
  /** Blocks whose text is kept for the next prompt that has them, least recently used going first. Default 8192. */
  readonly maxCachedBlocks?: number;
}

/** Makes prompts from block ids, one at a time and only when asked. */
export interface BlockPrompts {
  /**
   * The prompt of these blocks, cut to `inputTokens`. Prompts share their first bytes exactly as far as they
   * share their first ids: equal blocks have equal texts, and different ones differ from their first bytes on.
   */
  prompt(blockIds: readonly number[], inputTokens: number): string;
}

/** Blocks of 2 KiB each with this default: 16 MiB. */
const DEFAULT_MAX_CACHED_BLOCKS = 8192;

/** Creates the prompt maker of a trace. */
export function createBlockPrompts(options: BlockPromptOptions): BlockPrompts {
  const { seed, blockTokens, maxCachedBlocks = DEFAULT_MAX_CACHED_BLOCKS } = options;
  // A Map keeps the order of insertion, which makes its first key the least recently used one.
  const cache = new Map<number, string>();
  const blockText = (id: number): string => {
    const text = cache.get(id) ?? pseudoText(blockLabel(id), { seed, tokens: blockTokens });
    cache.delete(id);
    cache.set(id, text);
    if (cache.size > maxCachedBlocks) {
      for (const oldest of cache.keys()) {
        cache.delete(oldest);
        break;
      }
    }
    return text;
  };
  return {
    prompt: (blockIds, inputTokens) =>
      blockIds
        .map(blockText)
        .join('')
        .slice(0, inputTokens * BYTES_PER_ESTIMATED_TOKEN),
  };
}

/** Ids of one width, so that no label is a prefix of another. */
const blockLabel = (id: number): string => `b${id.toString(36).padStart(11, '0')}`;
