// SPDX-License-Identifier: Apache-2.0
import type { KvEvent } from './kv-event-batch.ts';
import { readExtraKeys } from './extra-keys.ts';
import type { MsgpackReader } from './msgpack-reader.ts';

const FIRST_TOKENS = 4096;
const FIRST_HASHES = 512;

/** Reads single events, whichever shape they have, and gathers the hashes and tokens of a batch. */
export class EventFields {
  hashes = new Uint32Array(2 * FIRST_HASHES);
  tokens = new Uint32Array(FIRST_TOKENS);
  readonly #reader: MsgpackReader;
  #hashCount = 0;
  #tokenCount = 0;
  #markedHashes = 0;
  #markedTokens = 0;

  #hasHashes = false;
  #hasTokens = false;
  #hashStart = 0;
  #tokenStart = 0;
  #hasParent = false;
  #parentLow = 0;
  #parentHigh = 0;
  #blockSizeTokens = -1;
  #medium: string | null = null;
  #loraName: string | null = null;
  #extraKeys: readonly (readonly string[] | null)[] | null = null;
  #groupIndex: number | null = null;
  #specKind: string | null = null;
  #slidingWindowTokens: number | null = null;

  constructor(reader: MsgpackReader) {
    this.#reader = reader;
  }

  /** Forgets the hashes and tokens of the batch before. */
  reset(): void {
    this.#hashCount = 0;
    this.#tokenCount = 0;
  }

  /** Remembers what has been gathered so far, for {@link rewind}. */
  mark(): void {
    this.#markedHashes = this.#hashCount;
    this.#markedTokens = this.#tokenCount;
  }

  rewind(): void {
    this.#hashCount = this.#markedHashes;
    this.#tokenCount = this.#markedTokens;
  }

  read(): KvEvent {
    const kind = this.#reader.kind();
    if (kind === 'map') return this.#mapEvent();
    if (kind === 'binary') return this.#wrappedEvent();
    return this.#arrayEvent();
  }

  /** The storage backend of llm-d publishes events as binaries that contain the array. */
  #wrappedEvent(): KvEvent {
    const length = this.#reader.enterBinary('an event');
    const end = this.#reader.offset + length;
    const event = this.#arrayEvent();
    if (this.#reader.offset !== end) throw this.#reader.mismatch('the end of the wrapped event');
    return event;
  }

  #mapEvent(): KvEvent {
    const reader = this.#reader;
    const start = reader.offset;
    this.#clearFields();
    let type = '';
    for (let left = reader.mapLength('an event'); left > 0; left--) {
      const name = reader.string('a field name of an event');
      if (name === 'type') type = reader.string('the type of an event');
      else this.#field(name);
    }
    return this.#event(type, start);
  }

  #field(name: string): void {
    switch (name) {
      case 'block_hashes':
        this.#readHashes();
        return;
      case 'parent_block_hash':
        this.#readParent();
        return;
      case 'token_ids':
        this.#readTokens();
        return;
      case 'block_size':
        this.#blockSizeTokens = this.#reader.uint32('a block size');
        return;
      case 'medium':
        this.#medium = this.#optionalString('a medium');
        return;
      case 'lora_name':
        this.#loraName = this.#optionalString('an adapter name');
        return;
      case 'extra_keys':
        this.#extraKeys = readExtraKeys(this.#reader);
        return;
      case 'group_idx':
        this.#groupIndex = this.#optionalInteger('a group index');
        return;
      case 'kv_cache_spec_kind':
        this.#specKind = this.#optionalString('an attention kind');
        return;
      case 'kv_cache_spec_sliding_window':
        this.#slidingWindowTokens = this.#optionalInteger('a sliding window');
        return;
      default:
        this.#reader.skip();
    }
  }

  #arrayEvent(): KvEvent {
    const reader = this.#reader;
    const start = reader.offset;
    const length = reader.arrayLength('an event (array or map)');
    this.#clearFields();
    const type = reader.string('the type of an event');
    if (type === 'BlockStored') this.#storedFields(length, start);
    else if (type === 'BlockRemoved') this.#removedFields(length);
    else for (let i = 1; i < length; i++) reader.skip();
    return this.#event(type, start);
  }

  #storedFields(length: number, start: number): void {
    if (length < 5) {
      this.#reader.seek(start);
      throw this.#reader.mismatch('a BlockStored of at least 5 elements');
    }
    this.#field('block_hashes');
    this.#field('parent_block_hash');
    this.#field('token_ids');
    this.#field('block_size');
    if (length > 5) this.#reader.skip();
    if (length > 6) this.#field('medium');
    if (length > 7) this.#field('lora_name');
    if (length > 8) this.#field('extra_keys');
    if (length > 9) this.#tail(length);
  }

  /**
   * Group, attention kind and window follow as integer or nil, string or nil, integer or nil; some emitters insert a
   * list before them and append fields of their own. So the group is the element before the kind, or the first integer.
   */
  #tail(length: number): void {
    let group = -1;
    for (let at = 9; at < length; at++) {
      const kind = this.#reader.kind();
      if (kind === 'integer' && group < 0) {
        // Without group and kind, what stands in the place of the window is the window.
        if (at === 11) this.#field('kv_cache_spec_sliding_window');
        else this.#field('group_idx');
        group = at === 11 ? 9 : at;
      } else if (kind === 'string' && (group < 0 || at === group + 1)) {
        this.#field('kv_cache_spec_kind');
        group = at - 1;
      } else if (kind === 'integer' && at === group + 2)
        this.#field('kv_cache_spec_sliding_window');
      else this.#reader.skip();
    }
  }

  #removedFields(length: number): void {
    if (length > 1) this.#field('block_hashes');
    if (length > 2) this.#field('medium');
    if (length > 3) this.#field('group_idx');
    for (let i = 4; i < length; i++) this.#reader.skip();
  }

  #event(type: string, start: number): KvEvent {
    if (type === 'AllBlocksCleared') return { type: 'cleared' };
    if (type !== 'BlockStored' && type !== 'BlockRemoved') {
      this.#reader.seek(start);
      throw this.#reader.mismatch(`an event of a known type instead of "${type.slice(0, 40)}"`);
    }
    if (!this.#hasHashes) this.#missing(start, type, 'block_hashes');
    if (type === 'BlockRemoved') return this.#removed();
    if (!this.#hasTokens) this.#missing(start, type, 'token_ids');
    if (this.#blockSizeTokens < 0) this.#missing(start, type, 'block_size');
    return this.#stored();
  }

  #stored(): KvEvent {
    return {
      type: 'stored',
      hashStart: this.#hashStart,
      hashEnd: this.#hashCount,
      hasParent: this.#hasParent,
      parentLow: this.#parentLow,
      parentHigh: this.#parentHigh,
      tokenStart: this.#tokenStart,
      tokenEnd: this.#tokenCount,
      blockSizeTokens: this.#blockSizeTokens,
      medium: this.#medium,
      loraName: this.#loraName,
      extraKeys: this.#extraKeys,
      groupIndex: this.#groupIndex,
      specKind: this.#specKind,
      slidingWindowTokens: this.#slidingWindowTokens,
    };
  }

  #removed(): KvEvent {
    return {
      type: 'removed',
      hashStart: this.#hashStart,
      hashEnd: this.#hashCount,
      medium: this.#medium,
      groupIndex: this.#groupIndex,
    };
  }

  #missing(start: number, type: string, field: string): never {
    this.#reader.seek(start);
    throw this.#reader.mismatch(`${type} with "${field}"`);
  }

  #readHashes(): void {
    const count = this.#reader.arrayLength('block hashes');
    this.#hashStart = this.#hashCount;
    this.#hasHashes = true;
    const needed = 2 * (this.#hashCount + count);
    if (needed > this.hashes.length) this.hashes = grown(this.hashes, needed);
    const hashes = this.hashes;
    for (let at = 2 * this.#hashCount; at < needed; at += 2) {
      this.#hash('a block hash (integer or bytes)');
      hashes[at] = this.#reader.low;
      hashes[at + 1] = this.#reader.high;
    }
    this.#hashCount += count;
  }

  #readParent(): void {
    this.#hasParent = false;
    if (this.#reader.nil()) return;
    this.#hash('a parent hash (integer, bytes or nil)');
    this.#parentLow = this.#reader.low;
    this.#parentHigh = this.#reader.high;
    // 0 stands for "no parent" where a publisher cannot say nil.
    this.#hasParent = this.#parentLow !== 0 || this.#parentHigh !== 0;
  }

  #hash(expected: string): void {
    if (this.#reader.kind() === 'binary') this.#reader.binaryTail(expected);
    else this.#reader.integer(expected);
  }

  #readTokens(): void {
    const count = this.#reader.arrayLength('token ids');
    this.#tokenStart = this.#tokenCount;
    this.#hasTokens = true;
    const end = this.#tokenCount + count;
    if (end > this.tokens.length) this.tokens = grown(this.tokens, end);
    const tokens = this.tokens;
    for (let at = this.#tokenCount; at < end; at++) {
      tokens[at] = this.#reader.uint32('a token id from 0 to 4294967295');
    }
    this.#tokenCount = end;
  }

  #optionalString(expected: string): string | null {
    return this.#reader.nil() ? null : this.#reader.string(expected);
  }

  #optionalInteger(expected: string): number | null {
    return this.#reader.nil() ? null : this.#reader.uint32(expected);
  }

  #clearFields(): void {
    this.#hasHashes = false;
    this.#hasTokens = false;
    this.#hasParent = false;
    this.#parentLow = 0;
    this.#parentHigh = 0;
    this.#blockSizeTokens = -1;
    this.#medium = null;
    this.#loraName = null;
    this.#extraKeys = null;
    this.#groupIndex = null;
    this.#specKind = null;
    this.#slidingWindowTokens = null;
  }
}

function grown(array: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(least, 2 * array.length));
  larger.set(array);
  return larger;
}
