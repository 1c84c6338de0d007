// SPDX-License-Identifier: Apache-2.0
import type {
  BlockRemovedEvent,
  BlockStoredEvent,
  KvEvent,
  KvEventBatch,
} from '../kv-event-batch.ts';

type Stored = Partial<Omit<BlockStoredEvent, 'type'>> & {
  readonly hashes: readonly bigint[];
  readonly parent?: bigint | undefined;
  readonly tokens: readonly number[];
};
type Removed = Partial<Omit<BlockRemovedEvent, 'type'>> & { readonly hashes: readonly bigint[] };

/** Builds batches of events as a decoder would give them. */
export class BatchBuilder {
  readonly #events: KvEvent[] = [];
  readonly #hashes: bigint[] = [];
  readonly #tokens: number[] = [];

  stored({ hashes, parent, tokens, ...event }: Stored): this {
    const hashStart = this.#hashes.length;
    const tokenStart = this.#tokens.length;
    this.#hashes.push(...hashes);
    this.#tokens.push(...tokens);
    this.#events.push({
      type: 'stored',
      hashStart,
      hashEnd: this.#hashes.length,
      hasParent: parent !== undefined,
      parentLow: Number((parent ?? 0n) & 0xffffffffn),
      parentHigh: Number((parent ?? 0n) >> 32n),
      tokenStart,
      tokenEnd: this.#tokens.length,
      blockSizeTokens: hashes.length === 0 ? 0 : tokens.length / hashes.length,
      medium: 'GPU',
      loraName: null,
      extraKeys: null,
      groupIndex: null,
      specKind: null,
      slidingWindowTokens: null,
      ...event,
    });
    return this;
  }

  removed({ hashes, ...event }: Removed): this {
    const hashStart = this.#hashes.length;
    this.#hashes.push(...hashes);
    const hashEnd = this.#hashes.length;
    this.#events.push({
      type: 'removed',
      hashStart,
      hashEnd,
      medium: 'GPU',
      groupIndex: null,
      ...event,
    });
    return this;
  }

  cleared(): this {
    this.#events.push({ type: 'cleared' });
    return this;
  }

  build(): KvEventBatch {
    const hashes = this.#hashes.flatMap((hash) => [
      Number(hash & 0xffffffffn),
      Number(hash >> 32n),
    ]);
    return {
      timestampSeconds: 0,
      dataParallelRank: null,
      events: this.#events,
      hashes: Uint32Array.from(hashes),
      tokens: Uint32Array.from(this.#tokens),
      problems: [],
    };
  }
}
