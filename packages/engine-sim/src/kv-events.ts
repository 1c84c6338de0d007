// SPDX-License-Identifier: Apache-2.0
import type { Sequence } from './sequence.ts';

/**
 * A change of what the prefix cache holds, as vLLM reports it: one `stored` per request and step, `removed` in its place
 * before the store that it made room for, and as many of either as there are copies of a block.
 */
export type KvEvent =
  | {
      readonly kind: 'stored';
      /** 53-bit block keys, see `PrefixHasher.keys` of `@llm-d/kv-index`. */
      readonly keys: Float64Array;
      /** Key of the block before the first, null at the start of a prompt. */
      readonly parentKey: number | null;
      /** The tokens of these blocks. */
      readonly tokens: Uint32Array;
      readonly blockSizeTokens: number;
      readonly lora: string | undefined;
      readonly cacheSalt: string | undefined;
    }
  | { readonly kind: 'removed'; readonly keys: readonly number[] }
  | { readonly kind: 'cleared' };

/** The event of storing the sequence's blocks `from` to `to` (exclusive). */
export function storedEvent(
  sequence: Sequence,
  range: { readonly from: number; readonly to: number; readonly blockSizeTokens: number },
): KvEvent {
  const { from, to, blockSizeTokens } = range;
  return {
    kind: 'stored',
    keys: sequence.keys.slice(from, to),
    parentKey: from === 0 ? null : (sequence.keys[from - 1] ?? null),
    tokens: tokensBetween(sequence, from * blockSizeTokens, to * blockSizeTokens),
    blockSizeTokens,
    lora: sequence.plan.request.lora,
    cacheSalt: sequence.plan.request.cacheSalt,
  };
}

/** Tokens `start` to `end` (exclusive) of prompt and answer put together. */
function tokensBetween(sequence: Sequence, start: number, end: number): Uint32Array {
  const prompt = sequence.plan.request.promptTokens;
  const tokens = new Uint32Array(end - start);
  if (start < prompt.length) tokens.set(prompt.subarray(start, end));
  if (end > prompt.length) {
    const first = Math.max(start, prompt.length);
    tokens.set(
      sequence.plan.output.subarray(first - prompt.length, end - prompt.length),
      first - start,
    );
  }
  return tokens;
}
