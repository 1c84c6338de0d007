// SPDX-License-Identifier: Apache-2.0
import type { ExtraKey, HashPairs, KvEvent, KvRemovedEvent, KvStoredEvent } from './kv-event.ts';
import { MsgpackWriter } from './msgpack-writer.ts';
import { inSglangEvents } from './sglang-dialect.ts';

/** What an engine publishes at once: the changes of one step. */
export interface KvEventBatch {
  /** Since the Unix epoch. */
  readonly timestampSeconds: number;
  readonly events: readonly KvEvent[];
  readonly dataParallelRank: number | null;
}

/** How batches are written. */
export interface KvEventEncoding {
  /** `map`: fields by name, as vLLM does since 0.24. `array`: fields by position, as it did before. */
  readonly form: 'array' | 'map';
  /** `int`: 64-bit numbers. `bytes`: the length of a SHA-256, of which the last eight bytes are the number. */
  readonly hashes: 'int' | 'bytes';
  /** Default `vllm`. `sglang`: signed numbers, at most 64 blocks an event, fewer fields. */
  readonly dialect?: 'vllm' | 'sglang';
}

/** Writes batches, one after the other, with memory that it keeps. */
export interface KvEventEncoder {
  /** MessagePack in an array of its own. */
  encode(batch: KvEventBatch): Buffer;
}

/** vLLM's names of the fields that events always have, and those it leaves out of maps where they are nil. */
type Field = readonly [name: string, write: () => void];

const HASH_COPIES = 4;

/** An encoder that writes what vLLM or SGLang would, to the byte. */
export function createKvEventEncoder(encoding: KvEventEncoding): KvEventEncoder {
  return new BatchEncoder(encoding);
}

/** One batch as MessagePack. For many, {@link createKvEventEncoder} is cheaper. */
export function encodeKvEventBatch(batch: KvEventBatch, encoding: KvEventEncoding): Buffer {
  return createKvEventEncoder(encoding).encode(batch);
}

class BatchEncoder implements KvEventEncoder {
  readonly #writer = new MsgpackWriter();
  readonly #isMap: boolean;
  readonly #isSglang: boolean;
  readonly #writeHash: (low: number, high: number) => void;

  constructor({ form, hashes, dialect = 'vllm' }: KvEventEncoding) {
    const writer = this.#writer;
    this.#isMap = form === 'map';
    this.#isSglang = dialect === 'sglang';
    if (hashes === 'bytes') {
      this.#writeHash = (low, high) => {
        writer.binary64(low, high, HASH_COPIES);
      };
    } else {
      this.#writeHash = this.#isSglang
        ? (low, high) => {
            writer.int64(low, high);
          }
        : (low, high) => {
            writer.uint64(low, high);
          };
    }
  }

  encode({ timestampSeconds, events, dataParallelRank }: KvEventBatch): Buffer {
    const writer = this.#writer;
    const written = this.#isSglang ? inSglangEvents(events) : events;
    writer.reset();
    writer.array(3);
    writer.double(timestampSeconds);
    writer.array(written.length);
    for (const event of written) this.#event(event);
    this.#integer(dataParallelRank);
    return writer.take();
  }

  #event(event: KvEvent): void {
    if (event.kind === 'cleared') this.#fields('AllBlocksCleared', []);
    else if (event.kind === 'removed') this.#fields('BlockRemoved', this.#removed(event));
    else this.#fields('BlockStored', this.#stored(event));
  }

  #stored(event: KvStoredEvent): (Field | undefined)[] {
    const always: Field[] = [
      [
        'block_hashes',
        () => {
          this.#hashes(event.hashes);
        },
      ],
      [
        'parent_block_hash',
        () => {
          this.#parent(event.parent);
        },
      ],
      [
        'token_ids',
        () => {
          this.#tokens(event.tokens);
        },
      ],
      [
        'block_size',
        () => {
          this.#writer.uint32(event.blockSizeTokens);
        },
      ],
      [
        'lora_id',
        () => {
          this.#integer(event.loraId);
        },
      ],
      [
        'medium',
        () => {
          this.#writer.string(event.medium);
        },
      ],
    ];
    if (this.#isSglang) {
      return [
        ...always,
        this.#named('cache_salt', event.cacheSalt),
        this.#named('session_id', event.sessionId),
      ];
    }
    return [
      ...always,
      [
        'lora_name',
        () => {
          this.#string(event.loraName);
        },
      ],
      this.#optional('extra_keys', event.extraKeys, (keys) => {
        this.#extraKeys(keys);
      }),
      this.#number('group_idx', event.groupIndex),
      this.#optional('kv_cache_spec_kind', event.specKind, (kind) => {
        this.#writer.string(kind);
      }),
      this.#number('kv_cache_spec_sliding_window', event.slidingWindowTokens),
      this.#named('session_id', event.sessionId),
    ];
  }

  #removed(event: KvRemovedEvent): (Field | undefined)[] {
    return [
      [
        'block_hashes',
        () => {
          this.#hashes(event.hashes);
        },
      ],
      [
        'medium',
        () => {
          this.#writer.string(event.medium);
        },
      ],
      this.#isSglang ? undefined : this.#number('group_idx', event.groupIndex),
    ];
  }

  /** A field that maps leave out where it is nil and arrays where the version does not know it. */
  #optional<T>(
    name: string,
    value: T | null | undefined,
    write: (value: T) => void,
  ): Field | undefined {
    if (value === undefined || (value === null && this.#isMap)) return undefined;
    return [
      name,
      () => {
        if (value === null) this.#writer.nil();
        else write(value);
      },
    ];
  }

  #number(name: string, value: number | null | undefined): Field | undefined {
    return this.#optional(name, value, (number) => {
      this.#writer.uint32(number);
    });
  }

  /** A field that arrays never have. */
  #named(name: string, value: string | null | undefined): Field | undefined {
    if (!this.#isMap || typeof value !== 'string') return undefined;
    return [
      name,
      () => {
        this.#writer.string(value);
      },
    ];
  }

  #fields(type: string, candidates: readonly (Field | undefined)[]): void {
    const writer = this.#writer;
    const fields = candidates.filter((field) => field !== undefined);
    if (this.#isMap) {
      writer.map(1 + fields.length);
      writer.string('type');
    } else writer.array(1 + fields.length);
    writer.string(type);
    for (const [name, write] of fields) {
      if (this.#isMap) writer.string(name);
      write();
    }
  }

  #hashes(hashes: HashPairs): void {
    this.#writer.array(hashes.length / 2);
    for (let i = 0; i < hashes.length; i += 2) this.#writeHash(hashes[i] ?? 0, hashes[i + 1] ?? 0);
  }

  #parent(parent: readonly [number, number] | null): void {
    if (parent === null) this.#writer.nil();
    else this.#writeHash(parent[0], parent[1]);
  }

  #tokens(tokens: Uint32Array): void {
    this.#writer.array(tokens.length);
    for (const token of tokens) this.#writer.uint32(token);
  }

  #extraKeys(blocks: readonly (readonly ExtraKey[] | null)[]): void {
    const writer = this.#writer;
    writer.array(blocks.length);
    for (const keys of blocks) {
      if (keys === null) {
        writer.nil();
        continue;
      }
      writer.array(keys.length);
      for (const key of keys) this.#extraKey(key);
    }
  }

  #extraKey(key: ExtraKey): void {
    const writer = this.#writer;
    if (typeof key === 'string') {
      writer.string(key);
      return;
    }
    writer.array(2);
    writer.string(key[0]);
    writer.integer(key[1]);
  }

  #integer(value: number | null): void {
    if (value === null) this.#writer.nil();
    else this.#writer.uint32(value);
  }

  #string(value: string | null): void {
    if (value === null) this.#writer.nil();
    else this.#writer.string(value);
  }
}
