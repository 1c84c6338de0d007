// SPDX-License-Identifier: Apache-2.0
import type { KvMessage } from './kv-message.ts';

/** A place in a bus: whole numbers that grow with every message, starting above 0. */
export type KvBusPosition = number;

/** The messages of one bus as one consumer sees them. */
export interface KvBusReader {
  /**
   * A message, in the order of positions. The next one waits until the promise is fulfilled, which is how a slow
   * consumer slows the bus; after a rejection the same message comes again.
   */
  onMessage(message: KvMessage, position: KvBusPosition): void | Promise<void>;
  /** The bus no longer has what follows the position asked for: messages up to `until` are missing. */
  onTruncated?(until: KvBusPosition): void;
  /** The consumer has seen everything that was on the bus a moment ago, or no longer knows whether it has. */
  onCaughtUp?(isCaughtUp: boolean): void;
}

export interface KvBusReadOptions {
  /** Begins behind this place. Default with the oldest message that the bus still has. */
  readonly after?: KvBusPosition | undefined;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/** A snapshot of an index, with the place on the bus up to which it has everything. */
export interface KvSnapshot {
  readonly position: KvBusPosition;
  readonly takenMs: number;
  readonly bytes: Uint8Array;
}

/** Snapshots of one index. The newest one takes the place of those before it. */
export interface KvSnapshotStore {
  save(snapshot: KvSnapshot, signal: AbortSignal): Promise<void>;
  /** The newest whole snapshot; undefined where there is none. A damaged one is reported and passed over. */
  load(signal: AbortSignal): Promise<KvSnapshot | undefined>;
}

/** Carries messages from those who listen to engines to those who keep an index. Delivers at least once, in order. */
export interface KvBus extends AsyncDisposable {
  /**
   * Fulfilled when the bus keeps the message; a message already published (same source, epoch and sequence) is kept once.
   * Waits while too many are on their way; rejects with the signal's reason, or with `KvBusError` when the bus refuses it.
   */
  publish(message: KvMessage, signal: AbortSignal): Promise<void>;
  /**
   * Reads until the signal fires or the bus is closed, across lost connections. Fulfilled when the last `onMessage` has
   * ended.
   */
  read(reader: KvBusReader, options: KvBusReadOptions): Promise<void>;
  readonly snapshots: KvSnapshotStore;
}
