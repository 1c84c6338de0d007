// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';

/** What an engine published, as it came. */
export interface KvBatchMessage {
  readonly kind: 'batch';
  readonly source: KvEventSource;
  /** The engine's own number of the batch: from 0, one more each time, anew in every epoch. */
  readonly sequence: number;
  /** When it was taken from the engine, in milliseconds of the wall clock: what the age of knowledge is counted from. */
  readonly receivedMs: number;
  /** MessagePack, untouched, as `createKvEventDecoder` reads it. Belongs to the receiver. */
  readonly payload: Uint8Array;
}

/**
 * Batches that will never come: the engine no longer has them, or they were dropped on the way. What is known of the
 * source may name blocks that are gone and lack blocks that are there.
 */
export interface KvLossMessage {
  readonly kind: 'loss';
  readonly source: KvEventSource;
  /** First and last number that is missing, both included. */
  readonly fromSequence: number;
  readonly untilSequence: number;
  /** When it was noticed, in milliseconds of the wall clock. */
  readonly receivedMs: number;
}

/** A source lives and has nothing to say: nothing after `sequence` was published when this was sent. */
export interface KvHeartbeatMessage {
  readonly kind: 'heartbeat';
  readonly source: KvEventSource;
  /** The last batch that was passed on; -1 before the first. */
  readonly sequence: number;
  readonly receivedMs: number;
}

/** A pod is gone with everything it held. */
export interface KvGoneMessage {
  readonly kind: 'gone';
  /** Such as `10.0.0.1:8000`. */
  readonly pod: string;
  readonly receivedMs: number;
}

/** What travels from the engines to an index. The messages of one source keep their order. */
export type KvMessage = KvBatchMessage | KvLossMessage | KvHeartbeatMessage | KvGoneMessage;
