// SPDX-License-Identifier: Apache-2.0
import { requestKeysWasmBase64 } from './gen/request-keys-wasm.ts';

/** Which hash names the blocks; every consumer of one index must use the same. */
export type RequestKeyAlgorithm = 'cbor-fnv' | 'xxh64';

export interface RequestKeyHasherOptions {
  /** Default `cbor-fnv`, llm-d's. `xxh64` is about five times faster. */
  readonly algorithm?: RequestKeyAlgorithm;
  /** Separates installations; llm-d's `hashSeed`. Default ''. */
  readonly hashSeed?: string;
}

/** What a block depends on besides tokens, one list for each block; lists may be missing at the end. */
export type BlockExtras = readonly (readonly string[] | null | undefined)[];

/** What a chain of request keys depends on besides its tokens. */
export interface RequestKeyOptions {
  /** Model, or the LoRA adapter in its place. Not looked at when the chain continues a parent. */
  readonly model: string;
  /** Tokens in a block, at least 1. Tokens after the last whole block get no key. */
  readonly blockSizeTokens: number;
  /** Multimodal hashes in the order of their placeholders, and the cache salt as last of block 0. Default none. */
  readonly extras?: BlockExtras | null;
  /** Key of the block before the first: low and high half. Default, and 0: the chain begins with the model. */
  readonly parent?: { readonly low: number; readonly high: number };
}

/** Computes llm-d's request keys: 64-bit names of blocks, equal where all tokens up to and with the block are equal. */
export interface RequestKeyHasher {
  /** The keys of every whole block as pairs: low half at 2i, high half at 2i + 1. A copy that stays valid. */
  keys(tokens: Uint32Array, options: RequestKeyOptions): Uint32Array;
  /**
   * The same without a copy, for tokens from `start` up to `end`; the result holds only until the next call.
   */
  keysInPlace(
    tokens: Uint32Array,
    range: { readonly start: number; readonly end: number },
    options: RequestKeyOptions,
  ): Uint32Array;
}

/** Thrown for options that describe no chain. */
export class RequestKeyOptionsError extends RangeError {
  readonly code = 'REQUEST_KEY_OPTIONS';
  constructor(option: string, value: number, rule: string) {
    super(`${option} must be ${rule}, got ${value}`);
    this.name = 'RequestKeyOptionsError';
  }
}

/** Exports of assembly/request-keys.ts. */
interface RequestKeyExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  fnvOf(at: number, length: number, out: number): void;
  xxhOf(at: number, length: number, out: number): void;
  fnvRoot(parent: number, at: number, length: number, out: number): void;
  fnvChain: (
    ...places: [
      at: number,
      size: number,
      blocks: number,
      parent: number,
      extras: number,
      out: number,
    ]
  ) => void;
  xxhChain: (
    ...places: [
      ...[at: number, size: number, blocks: number, parent: number, extras: number, out: number],
      scratch: number,
    ]
  ) => void;
}

/** The part of the WebAssembly API that is used here; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

const PAGE_BYTES = 65_536;
const SEED_AT = 8;
const PARENT_AT = 16;
/** Eight bytes before the tokens are for the parent that XXH64 hashes with them. */
const INPUT_AT = 32;

/** A hasher with a WebAssembly instance of its own. It keeps the memory of the largest prompt that it has seen. */
export function createRequestKeyHasher(options: RequestKeyHasherOptions = {}): RequestKeyHasher {
  return new WasmRequestKeyHasher(options);
}

class WasmRequestKeyHasher implements RequestKeyHasher {
  readonly #wasm = instantiate();
  readonly #algorithm: RequestKeyAlgorithm;
  #words: Uint32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  /** The root of the last model: most chains are of the same. */
  #rootModel: string | undefined;
  #rootLow = 0;
  #rootHigh = 0;

  constructor({ algorithm = 'cbor-fnv', hashSeed = '' }: RequestKeyHasherOptions) {
    this.#algorithm = algorithm;
    this.#words = new Uint32Array(this.#wasm.memory.buffer);
    this.#bytes = new Uint8Array(this.#wasm.memory.buffer);
    const length = this.#writeText(hashSeed, INPUT_AT);
    if (algorithm === 'xxh64') this.#wasm.xxhOf(INPUT_AT, length, SEED_AT);
    else this.#wasm.fnvOf(INPUT_AT, length, SEED_AT);
  }

  keys(tokens: Uint32Array, options: RequestKeyOptions): Uint32Array {
    return this.keysInPlace(tokens, { start: 0, end: tokens.length }, options).slice();
  }

  keysInPlace(
    tokens: Uint32Array,
    { start, end }: { readonly start: number; readonly end: number },
    options: RequestKeyOptions,
  ): Uint32Array {
    const size = options.blockSizeTokens;
    if (!Number.isInteger(size) || size < 1) {
      throw new RequestKeyOptionsError('blockSizeTokens', size, 'a whole number from 1');
    }
    const blocks = Math.floor((end - start) / size);
    this.#writeParent(options);
    const out = align8(INPUT_AT + 4 * blocks * size);
    this.#reserve(out + 8 * blocks);
    // Extras first: they may grow the memory, which would take the tokens' view away.
    const extras = this.#writeExtras(options.extras, blocks, out + 8 * blocks);
    const scratch = extras.end;
    if (extras.at !== 0) this.#reserve(scratch + 16 + 4 * size + extras.largest);
    this.#writeTokens(tokens, start, blocks * size);
    if (this.#algorithm === 'xxh64') {
      this.#wasm.xxhChain(INPUT_AT, size, blocks, PARENT_AT, extras.at, out, scratch);
    } else {
      this.#wasm.fnvChain(INPUT_AT, size, blocks, PARENT_AT, extras.at, out);
    }
    return this.#words.subarray(out / 4, out / 4 + 2 * blocks);
  }

  #writeTokens(tokens: Uint32Array, start: number, count: number): void {
    const words = this.#words;
    // Below some hundred tokens a loop is cheaper than a view to copy from.
    if (count > 256) words.set(tokens.subarray(start, start + count), INPUT_AT / 4);
    else {
      for (let i = 0; i < count; i++) words[INPUT_AT / 4 + i] = tokens[start + i] as number;
    }
  }

  #writeParent({ parent, model }: RequestKeyOptions): void {
    if (parent !== undefined && (parent.low !== 0 || parent.high !== 0)) {
      this.#words[PARENT_AT / 4] = parent.low;
      this.#words[PARENT_AT / 4 + 1] = parent.high;
    } else this.#writeRoot(model);
  }

  #writeRoot(model: string): void {
    const words = this.#words;
    if (model !== this.#rootModel) {
      this.#hashRoot(model);
      this.#rootModel = model;
      this.#rootLow = this.#words[PARENT_AT / 4] as number;
      this.#rootHigh = this.#words[PARENT_AT / 4 + 1] as number;
    } else {
      words[PARENT_AT / 4] = this.#rootLow;
      words[PARENT_AT / 4 + 1] = this.#rootHigh;
    }
  }

  #hashRoot(model: string): void {
    if (this.#algorithm === 'cbor-fnv') {
      const length = this.#writeText(model, INPUT_AT);
      this.#wasm.fnvRoot(SEED_AT, INPUT_AT, length, PARENT_AT);
      return;
    }
    // A block without tokens whose single extra is the model.
    const length = this.#writeText(model, INPUT_AT + 16);
    const words = this.#words;
    words.copyWithin(INPUT_AT / 4, SEED_AT / 4, SEED_AT / 4 + 2);
    words[INPUT_AT / 4 + 2] = length;
    words[INPUT_AT / 4 + 3] = 0;
    this.#wasm.xxhOf(INPUT_AT, 16 + length, PARENT_AT);
  }

  /** Writes the table of extras to `at`, and what they hash to as bytes after it. */
  #writeExtras(extras: BlockExtras | null | undefined, blocks: number, at: number) {
    if (extras?.some((list, block) => block < blocks && (list?.length ?? 0) > 0) !== true) {
      return { at: 0, end: at, largest: 0 };
    }
    let place = align8(at + 4 * (blocks + 1));
    let largest = 0;
    for (let block = 0; block < blocks; block++) {
      const begin = place;
      this.#reserve(place + 64);
      this.#words[at / 4 + block] = place;
      place = this.#writeBlockExtras(extras[block] ?? [], place);
      largest = Math.max(largest, place - begin);
    }
    this.#words[at / 4 + blocks] = place;
    return { at, end: align8(place), largest };
  }

  #writeBlockExtras(list: readonly string[], at: number): number {
    if (list.length === 0) return at;
    if (this.#algorithm === 'cbor-fnv') at = this.#writeHead(0x80, list.length, at);
    for (const extra of list) {
      const length = Buffer.byteLength(extra);
      this.#reserve(at + 16);
      if (this.#algorithm === 'cbor-fnv') {
        this.#bytes.set(HASH_KEY, at);
        at = this.#writeHead(0x60, length, at + HASH_KEY.length);
      } else {
        this.#bytes.fill(0, at, at + 8);
        for (let i = 0; i < 4; i++) this.#bytes[at + i] = length >>> (8 * i);
        at += 8;
      }
      at += this.#writeText(extra, at);
    }
    return at;
  }

  /** Writes the head of a CBOR item of up to 2³² − 1 elements or bytes and returns the place after it. */
  #writeHead(major: number, value: number, at: number): number {
    const bytes = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : 4;
    this.#bytes[at++] = major | (bytes === 0 ? value : 24 + Math.log2(bytes));
    for (let shift = 8 * (bytes - 1); shift >= 0; shift -= 8) this.#bytes[at++] = value >>> shift;
    return at;
  }

  /** Writes UTF-8 and returns its length. */
  #writeText(text: string, at: number): number {
    // A UTF-16 unit takes at most three bytes of UTF-8.
    this.#reserve(at + 3 * text.length);
    return encoder.encodeInto(text, this.#bytes.subarray(at)).written;
  }

  #reserve(bytes: number): void {
    const missing = bytes - this.#bytes.length;
    if (missing <= 0) return;
    this.#wasm.memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#words = new Uint32Array(this.#wasm.memory.buffer);
    this.#bytes = new Uint8Array(this.#wasm.memory.buffer);
  }
}

function instantiate(): RequestKeyExports {
  const module = new WebAssembly.Module(Buffer.from(requestKeysWasmBase64, 'base64'));
  // The module is ours and the test of the generated file holds it to its source, so its exports are known.
  return new WebAssembly.Instance(module).exports as RequestKeyExports;
}

const align8 = (address: number): number => (address + 7) & ~7;
const encoder = new TextEncoder();
/** The map head and key of `{"Hash": text}`. */
const HASH_KEY = Uint8Array.from([0xa1, 0x64, 0x48, 0x61, 0x73, 0x68]);
