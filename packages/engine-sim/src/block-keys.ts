// SPDX-License-Identifier: Apache-2.0
import type { PrefixHasher } from '@llm-d/kv-index';
import type { EngineRequest, MediaItem } from './request.ts';

export interface BlockKeysOptions {
  readonly hasher: PrefixHasher;
  readonly hashSeed: string;
  readonly model: string;
  readonly blockSizeTokens: number;
}

const NO_TOKENS = new Uint32Array(0);

/**
 * Names blocks by all that their content depends on: seed, model or adapter, salt, media, and every token up to their end.
 * Keeps memory for the longest sequence it has seen.
 */
export class BlockKeys {
  readonly #options: BlockKeysOptions;
  #scratch = new Uint32Array(1024);

  constructor(options: BlockKeysOptions) {
    this.#options = options;
  }

  /** Keys of 53 bits of all whole blocks of prompt and answer. */
  of(request: EngineRequest, output: Uint32Array = NO_TOKENS): Float64Array {
    const { promptTokens, media, lora, cacheSalt } = request;
    const { hasher, hashSeed, model, blockSizeTokens } = this.#options;
    const total = promptTokens.length + output.length;
    if (this.#scratch.length < total) this.#scratch = new Uint32Array(2 * total);
    this.#scratch.set(promptTokens);
    this.#scratch.set(output, promptTokens.length);
    if (media !== undefined) {
      for (const item of media) mixIn(item, this.#scratch.subarray(0, promptTokens.length));
    }
    return hasher.keys(this.#scratch.subarray(0, total), {
      // Separated by what no name contains, so that different parts never make up the same whole.
      model: `${hashSeed}\0${lora ?? model}\0`,
      cacheSalt,
      blockSizeTokens,
    });
  }
}

/** Placeholder tokens of different media are equal, their content is not: changes them in the hashed copy. */
function mixIn({ identifier, startToken, lengthTokens }: MediaItem, tokens: Uint32Array): void {
  const even = fnv1a(identifier, 0x811c9dc5);
  const odd = fnv1a(identifier, even);
  const end = Math.min(tokens.length, startToken + lengthTokens);
  for (let i = startToken; i < end; i++) {
    tokens[i] = (tokens[i] ?? 0) ^ ((i - startToken) % 2 === 0 ? even : odd);
  }
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
