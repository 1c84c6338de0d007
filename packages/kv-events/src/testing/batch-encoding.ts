// SPDX-License-Identifier: Apache-2.0
import { Encoder } from '@msgpack/msgpack';

/** An engine puts blocks into its cache. */
export interface StoredSetup {
  readonly type: 'stored';
  readonly hashes: readonly bigint[];
  /** Hash of the block before the first; none at the beginning of a prompt. */
  readonly parent?: bigint | undefined;
  /** Tokens of all the blocks, which are of one size. */
  readonly tokens: readonly number[];
  /** Default `GPU`. */
  readonly medium?: string;
}

/** An engine drops blocks. */
export interface RemovedSetup {
  readonly type: 'removed';
  readonly hashes: readonly bigint[];
  readonly medium?: string;
}

export interface ClearedSetup {
  readonly type: 'cleared';
}

export type EventSetup = StoredSetup | RemovedSetup | ClearedSetup;

/** Blocks that are stored. */
export const stored = (setup: Omit<StoredSetup, 'type'>): StoredSetup => ({
  type: 'stored',
  ...setup,
});

/** Blocks that are dropped. */
export const removed = (...hashes: readonly bigint[]): RemovedSetup => ({
  type: 'removed',
  hashes,
});

/** Everything is dropped. */
export const cleared = (): ClearedSetup => ({ type: 'cleared' });

export interface EncodingOptions {
  /** Events as maps, as vLLM has them since 0.24, or as arrays. Default `maps`. */
  readonly events?: 'maps' | 'arrays';
  /** Default 0. */
  readonly timestampSeconds?: number;
  /** Default 0. */
  readonly dpRank?: number;
}

/** The payload with which an engine announces these events. */
export function encodeBatch(
  events: readonly EventSetup[],
  options: EncodingOptions = {},
): Uint8Array {
  const { timestampSeconds = 0, dpRank = 0 } = options;
  const shape = options.events === 'arrays' ? asArray : asMap;
  const encoder = new Encoder({ useBigInt64: true });
  return encoder.encode([float(timestampSeconds), events.map(shape), dpRank]);
}

/** Engines write their time as a float, as which a whole number would not be encoded. */
const float = (seconds: number): number =>
  Number.isInteger(seconds) ? seconds + 2 ** -20 : seconds;

function asMap(event: EventSetup): unknown {
  switch (event.type) {
    case 'stored':
      return {
        type: 'BlockStored',
        block_hashes: event.hashes,
        parent_block_hash: event.parent ?? null,
        token_ids: event.tokens,
        block_size: blockSize(event),
        lora_id: null,
        medium: event.medium ?? 'GPU',
        lora_name: null,
        extra_keys: event.hashes.map(() => null),
        group_idx: 0,
        kv_cache_spec_kind: 'full_attention',
      };
    case 'removed':
      return {
        type: 'BlockRemoved',
        block_hashes: event.hashes,
        medium: event.medium ?? 'GPU',
        group_idx: 0,
      };
    case 'cleared':
      return { type: 'AllBlocksCleared' };
  }
}

function asArray(event: EventSetup): unknown {
  switch (event.type) {
    case 'stored': {
      const { hashes, parent = null, tokens, medium = 'GPU' } = event;
      return ['BlockStored', hashes, parent, tokens, blockSize(event), null, medium, null];
    }
    case 'removed':
      return ['BlockRemoved', event.hashes, event.medium ?? 'GPU'];
    case 'cleared':
      return ['AllBlocksCleared'];
  }
}

const blockSize = ({ hashes, tokens }: StoredSetup): number =>
  hashes.length === 0 ? 0 : tokens.length / hashes.length;
