// SPDX-License-Identifier: Apache-2.0
import { type Clock, type Timer } from '@llm-d/determinism';
import {
  type KvBusPosition,
  type KvIndexFollower,
  type KvSnapshotStore,
  snapshotFollowed,
} from '@llm-d/kv-events';
import type { MemoryKvBlockIndex } from '@llm-d/kv-index';
import type { Telemetry } from '@llm-d/telemetry';
import {
  snapshotBytes,
  snapshotSeconds,
  snapshotTimestamp,
  snapshotsTaken,
} from '../indexer-metrics.ts';

export interface SnapshotKeeperOptions {
  readonly store: KvSnapshotStore;
  readonly index: MemoryKvBlockIndex;
  readonly follower: Pick<KvIndexFollower, 'cursors'>;
  /** Up to where the index has everything at this moment; undefined while it has nothing. */
  readonly position: () => KvBusPosition | undefined;
  /** The place of the snapshot that the index began with: it need not be taken again. */
  readonly saved: KvBusPosition | undefined;
  /** Whether it is this replica that takes them. */
  readonly mayTake: () => boolean;
  /** Between the end of one and the beginning of the next, in milliseconds. */
  readonly intervalMs: number;
  /** Longest that one may take before it is given up. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** `standby`: another replica takes them. `unchanged`: nothing was applied since the last one. */
export type SnapshotOutcome = 'saved' | 'unchanged' | 'standby' | 'failed';

/** Takes snapshots of an index from time to time. One that fails is logged and counted; the next one is due as usual. */
export interface SnapshotKeeper {
  /** When the last one was saved, in milliseconds of the wall clock. */
  readonly savedMs: number | undefined;
  /** Takes one now, where there is a reason to. Gives it up when the signal fires. Never rejects. */
  take(signal: AbortSignal): Promise<SnapshotOutcome>;
  /** No more are taken; the one under way is given up. */
  stop(): Promise<void>;
}

/** Begins to take snapshots. */
export function keepSnapshots(options: SnapshotKeeperOptions): SnapshotKeeper {
  return new Keeper(options);
}

class Keeper implements SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  readonly #ending = new AbortController();
  #timer: Timer | undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  #saved: KvBusPosition | undefined;
  savedMs: number | undefined;

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#saved = options.saved;
    this.#schedule();
  }

  take(signal: AbortSignal): Promise<SnapshotOutcome> {
    const taking = this.#underWay.then(() => this.#take(signal));
    this.#underWay = taking;
    return taking;
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#ending.abort(new Error('the program ends'));
    await this.#underWay;
  }

  #schedule(): void {
    const { clock, intervalMs } = this.#options;
    this.#timer = clock.schedule(intervalMs, () => {
      void this.take(this.#ending.signal).then(() => {
        if (!this.#ending.signal.aborted) this.#schedule();
      });
    });
  }

  async #take(signal: AbortSignal): Promise<SnapshotOutcome> {
    const { clock, telemetry, timeoutMs } = this.#options;
    const limit = new AbortController();
    const timer = clock.schedule(timeoutMs, () => {
      limit.abort(new Error(`it took longer than ${timeoutMs} ms`));
    });
    const outcome = await this.#attempt(AbortSignal.any([signal, limit.signal]));
    timer.cancel();
    telemetry.metrics.counter(snapshotsTaken, { outcome }).inc();
    return outcome;
  }

  async #attempt(signal: AbortSignal): Promise<SnapshotOutcome> {
    const { index, follower, position: reached, store, clock, telemetry } = this.#options;
    const { logger, metrics } = telemetry;
    if (!this.#options.mayTake()) return 'standby';
    // In one turn: what is applied from here on is in none of the three.
    const position = reached();
    if (position === undefined || position === this.#saved) return 'unchanged';
    const takenMs = clock.epochMs();
    const startMs = clock.nowMs();
    try {
      const bytes = await snapshotFollowed(index, follower.cursors(), signal);
      const collectedMs = clock.nowMs();
      await store.save({ position, takenMs, bytes }, signal);
      this.#saved = position;
      this.savedMs = takenMs;
      const ms = clock.nowMs() - startMs;
      metrics.histogram(snapshotSeconds, {}).observe(ms / 1000);
      metrics.gauge(snapshotBytes, {}).set(bytes.length);
      metrics.gauge(snapshotTimestamp, {}).set(takenMs / 1000);
      const sizes = { bytes: bytes.length, collectMs: collectedMs - startMs, ms };
      logger.info('a snapshot was saved', { position, ...sizes });
      return 'saved';
    } catch (error) {
      logger.warn('no snapshot was saved', { position, error });
      return 'failed';
    }
  }
}
