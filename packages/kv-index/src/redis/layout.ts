// SPDX-License-Identifier: Apache-2.0
import { KvRedisLayoutError } from './kv-redis-error.ts';

const LAYOUT_VERSION = 1;

/** Field of a rows hash that counts the writes to it; others are request keys, 8 bytes each. */
export const COUNTER_FIELD = '#';

/**
 * The keys of a namespace:
 *
 * - `{<namespace>}:lease` — who writes, as long as it lives.
 * - `{<namespace>}:head` — which generation is to be read, and whether it is whole.
 * - `{<namespace>}:directory:<generation>` — what the numbers in rows stand for, as JSON.
 * - `{<namespace>:<shard>}:rows:<generation>` — a hash from request key (8 bytes, lowest first) to row.
 *
 * All of a generation's rows are in a few hashes, so that one command makes thousands of them vanish or live on; each
 * hash has a slot of its own in a cluster. Everything expires when nobody writes.
 */
export class KvRedisKeys {
  readonly namespace: string;
  readonly lease: string;
  readonly head: string;

  constructor(namespace: string) {
    if (!/^[^{}\s]+$/.test(namespace)) {
      throw new KvRedisLayoutError(
        `a namespace must not be empty nor contain braces or spaces, got "${namespace}"`,
        namespace,
      );
    }
    this.namespace = namespace;
    this.lease = `{${namespace}}:lease`;
    this.head = `{${namespace}}:head`;
  }

  directory(generation: string): string {
    return `{${this.namespace}}:directory:${generation}`;
  }

  rows(generation: string, shard: number): string {
    return `{${this.namespace}:${shard}}:rows:${generation}`;
  }
}

/** Which of the rows hashes a request key is in: by its highest bits. */
export const shardOf = (high: number, shards: number): number =>
  Math.floor((high / 4_294_967_296) * shards);

/** What the head says. */
export interface KvRedisHead {
  readonly generation: string;
  readonly shards: number;
  /** Of the directory; grows with every change of it. */
  readonly directoryVersion: number;
  /** Another number each time the writer says so. */
  readonly beat: number;
  /**
   * `filling`: rows are still missing. `stale`: its writer could not keep it up to date, and another generation is about
   * to take its place.
   */
  readonly state: 'whole' | 'filling' | 'stale';
}

export const headText = (head: KvRedisHead): string =>
  [LAYOUT_VERSION, head.generation, head.shards, head.directoryVersion, head.beat, head.state].join(
    ' ',
  );

/** Reads a head; undefined for text that is none of this layout. */
export function parseHead(text: string): KvRedisHead | undefined {
  const [version, generation = '', shards, directoryVersion, beat, state] = text.split(' ');
  if (Number(version) !== LAYOUT_VERSION || !(Number(shards) >= 1)) return undefined;
  if (state !== 'whole' && state !== 'filling' && state !== 'stale') return undefined;
  return {
    generation,
    shards: Number(shards),
    directoryVersion: Number(directoryVersion),
    beat: Number(beat),
    state,
  };
}
