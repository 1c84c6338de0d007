// SPDX-License-Identifier: Apache-2.0
import {
  createKvFollower,
  restoreFollowed,
  type FollowedIndex,
  type KvBusPosition,
  type KvBusReader,
  type KvIndexFollower,
  type KvMessage,
  type KvSnapshot,
} from '@llm-d/kv-events';
import {
  createMemoryKvBlockIndex,
  KvSnapshotError,
  type MemoryKvBlockIndex,
  type MemoryKvBlockIndexOptions,
} from '@llm-d/kv-index';
import type { PluginContext } from '@llm-d/scheduler-core';
import type { BusBeginning } from './kv-event-sources.ts';
import { observedIndex, type StoredBlocksListener } from './observed-index.ts';

export interface OwnIndexOptions {
  readonly index: MemoryKvBlockIndexOptions;
  readonly context: Pick<PluginContext, 'clock' | 'telemetry'>;
  readonly onStored: StoredBlocksListener;
  /** Time without batch or heartbeat after which a source counts as silent. Default the follower's. */
  readonly silentAfterMs?: number;
}

/** An index in this process and who keeps it up to date. A bus may replace both by those of a snapshot. */
export class OwnIndex implements KvBusReader, Disposable {
  readonly #options: OwnIndexOptions;
  #index: MemoryKvBlockIndex;
  #follower: KvIndexFollower;
  /** Place on the bus up to which everything is in the index; undefined before the first message. */
  #position: KvBusPosition | undefined;

  constructor(options: OwnIndexOptions) {
    this.#options = options;
    this.#index = createMemoryKvBlockIndex(options.index);
    this.#follower = this.#followed({ index: this.#index, cursors: [] });
  }

  get index(): MemoryKvBlockIndex {
    return this.#index;
  }

  get follower(): KvIndexFollower {
    return this.#follower;
  }

  /** Begins with a snapshot, unless more is known already. One that cannot be used is passed over and reported. */
  async begin(snapshot: KvSnapshot | undefined): Promise<BusBeginning> {
    const isNews = snapshot !== undefined && snapshot.position > (this.#position ?? -1);
    const restored = isNews ? await this.#restore(snapshot) : undefined;
    if (restored !== undefined) {
      this.#follower[Symbol.dispose]();
      this.#index = restored.index;
      this.#follower = this.#followed(restored);
      this.#position = snapshot?.position;
    }
    return { reader: this, after: this.#position };
  }

  onMessage(message: KvMessage, position: KvBusPosition): void | Promise<void> {
    const done = this.#follower.onMessage(message, position);
    if (done instanceof Promise) {
      return done.then(() => {
        this.#reached(message, position);
      });
    }
    this.#reached(message, position);
    return undefined;
  }

  onTruncated(until: KvBusPosition): void {
    this.#follower.onTruncated();
    this.#position = Math.max(this.#position ?? 0, until);
  }

  onCaughtUp(isCaughtUp: boolean): void {
    this.#follower.onCaughtUp(isCaughtUp);
  }

  [Symbol.dispose](): void {
    this.#follower[Symbol.dispose]();
  }

  async #restore({ bytes, position }: KvSnapshot): Promise<FollowedIndex | undefined> {
    try {
      return await restoreFollowed(bytes, this.#options.index);
    } catch (error) {
      if (!(error instanceof KvSnapshotError)) throw error;
      const { logger } = this.#options.context.telemetry;
      logger.error('a snapshot of the KV index cannot be used', { position, error });
      return undefined;
    }
  }

  #followed({ index, cursors }: FollowedIndex): KvIndexFollower {
    const { context, onStored, silentAfterMs } = this.#options;
    return createKvFollower({
      clock: context.clock,
      telemetry: context.telemetry,
      index: observedIndex(index, onStored),
      cursors,
      ...(silentAfterMs !== undefined && { silentAfterMs }),
    });
  }

  /** A bus does not keep heartbeats: their place is another message's. */
  #reached({ kind }: KvMessage, position: KvBusPosition): void {
    if (kind !== 'heartbeat') this.#position = Math.max(this.#position ?? 0, position);
  }
}
