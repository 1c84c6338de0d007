// SPDX-License-Identifier: Apache-2.0
import { prefixHashWasmBase64 } from './gen/prefix-hash-wasm.ts';

/** What a prefix chain depends on besides its tokens. */
export interface PrefixHashOptions {
  /** Model (or LoRA adapter) that computes the blocks; part of the first parent. */
  readonly model: string;
  /** Separates tenants that must not share blocks. Default none, the same as ''. */
  readonly cacheSalt?: string | undefined;
  /** Tokens in a block, at least 1. */
  readonly blockSizeTokens: number;
  /** Also hashes the tokens after the last whole block. Default false; llm-d's approximate prefix producer does. */
  readonly includePartialBlock?: boolean;
  /** At most this many blocks from the start. Default all. */
  readonly maxBlocks?: number;
}

/**
 * Hashes prompts block by block into llm-d's approximate prefix chain: `h₋₁ = XXH64(model ‖ cacheSalt)`,
 * `h_i = XXH64(LE64(XXH64(tokens of block i)) ‖ LE64(h_{i−1}))`, so that equal `h_i` mean equal prompts up to block i.
 */
export interface PrefixHasher {
  /**
   * The top 53 bits of every `h_i`, as integers that a double holds exactly: map keys without BigInt.
   * Among n different blocks some two collide with probability about n² / 2⁵⁴ (one million blocks: 6 in 100,000).
   */
  keys(tokens: Uint32Array, options: PrefixHashOptions): Float64Array;
  /** Every `h_i` in full, as pairs: low half at 2i, high half at 2i + 1. */
  hashes(tokens: Uint32Array, options: PrefixHashOptions): Uint32Array;
}

/** Thrown for options that describe no chain. */
export class PrefixHashOptionsError extends RangeError {
  readonly code = 'PREFIX_HASH_OPTIONS';
  constructor(option: keyof PrefixHashOptions, value: number, rule: string) {
    super(`${option} must be ${rule}, got ${value}`);
    this.name = 'PrefixHashOptionsError';
  }
}

/** Exports of assembly/prefix-hash.ts. */
interface PrefixHashExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  hashBytes(at: number, length: number, out: number): void;
  hashChain(
    at: number,
    end: number,
    blockBytes: number,
    blocks: number,
    parent: number,
    hashes: number,
    keys: number,
  ): void;
}

/** The part of the WebAssembly API that is used here; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const PAGE_BYTES = 65_536;
/** Where the first parent lies; input follows after it. Address 0 stays free. */
const PARENT_AT = 8;
const INPUT_AT = 16;

/**
 * A hasher with a WebAssembly instance of its own, compiled on first use. It keeps the memory of the largest prompt it
 * has seen (about 5 bytes a token); results are copies. Share one among everything that runs on a thread.
 */
export function createPrefixHasher(): PrefixHasher {
  let instance: PrefixHashExports | undefined;
  const run = (tokens: Uint32Array, options: PrefixHashOptions) => {
    instance ??= instantiate();
    return chain(instance, tokens, options);
  };
  return {
    keys: (tokens, options) => {
      const { buffer, keysAt, blocks } = run(tokens, options);
      const keys = pooledNumbers(blocks);
      keys.set(new Float64Array(buffer, keysAt, blocks));
      return keys;
    },
    hashes: (tokens, options) => {
      const { buffer, hashesAt, blocks } = run(tokens, options);
      return new Uint32Array(buffer, hashesAt, 2 * blocks).slice();
    },
  };
}

function chain(wasm: PrefixHashExports, tokens: Uint32Array, options: PrefixHashOptions) {
  const { blockSizeTokens } = options;
  const blocks = countBlocks(tokens.length, options);
  const inputTokens = Math.min(tokens.length, blocks * blockSizeTokens);
  const name = options.model + (options.cacheSalt ?? '');
  // A UTF-16 unit takes at most three bytes of UTF-8; the name and the tokens use the same place in turn.
  const hashesAt = align8(INPUT_AT + Math.max(4 * inputTokens, 3 * name.length));
  const keysAt = hashesAt + 8 * blocks;
  reserve(wasm, keysAt + 8 * blocks);

  const buffer = wasm.memory.buffer;
  const { written } = encoder.encodeInto(name, new Uint8Array(buffer, INPUT_AT, 3 * name.length));
  wasm.hashBytes(INPUT_AT, written, PARENT_AT);
  const input = new Uint32Array(buffer, INPUT_AT, inputTokens);
  input.set(inputTokens === tokens.length ? tokens : tokens.subarray(0, inputTokens));
  const end = INPUT_AT + 4 * inputTokens;
  wasm.hashChain(INPUT_AT, end, 4 * blockSizeTokens, blocks, PARENT_AT, hashesAt, keysAt);
  return { buffer, hashesAt, keysAt, blocks };
}

function countBlocks(tokens: number, options: PrefixHashOptions): number {
  const { blockSizeTokens, includePartialBlock = false, maxBlocks = Infinity } = options;
  if (!Number.isInteger(blockSizeTokens) || blockSizeTokens < 1) {
    throw new PrefixHashOptionsError('blockSizeTokens', blockSizeTokens, 'a whole number from 1');
  }
  if (Number.isNaN(maxBlocks) || maxBlocks < 0) {
    throw new PrefixHashOptionsError('maxBlocks', maxBlocks, 'at least 0');
  }
  const whole = tokens / blockSizeTokens;
  return Math.min(
    includePartialBlock ? Math.ceil(whole) : Math.floor(whole),
    Math.floor(maxBlocks),
  );
}

function reserve(wasm: PrefixHashExports, bytes: number): void {
  const missing = bytes - wasm.memory.buffer.byteLength;
  if (missing > 0) wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
}

function instantiate(): PrefixHashExports {
  const module = new WebAssembly.Module(Buffer.from(prefixHashWasmBase64, 'base64'));
  // The module is ours and the test of the generated file holds it to its source, so its exports are known.
  return new WebAssembly.Instance(module).exports as PrefixHashExports;
}

/** Short chains share memory, as short buffers do: an array with memory of its own costs several times as much. */
function pooledNumbers(count: number): Float64Array {
  const { buffer, byteOffset } = Buffer.allocUnsafe(count * Float64Array.BYTES_PER_ELEMENT);
  const isAligned = byteOffset % Float64Array.BYTES_PER_ELEMENT === 0;
  return isAligned ? new Float64Array(buffer, byteOffset, count) : new Float64Array(count);
}

const align8 = (address: number): number => (address + 7) & ~7;
const encoder = new TextEncoder();
