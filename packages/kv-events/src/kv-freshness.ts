// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';

/** How far what an index knows of a source can be trusted. */
export type KvSourceState =
  /** Everything that the source published since it began has been applied, as far as can be told. */
  | 'whole'
  /** Batches are missing that never come: blocks may be unknown, or named though they are gone. */
  | 'incomplete'
  /** Connected, and nothing has come yet. */
  | 'waiting'
  /** Nothing was heard of it for longer than the limit: neither batch nor heartbeat. */
  | 'silent';

/** What an index knows of one source, and how well. */
export interface KvSourceFreshness {
  readonly source: KvEventSource;
  readonly state: KvSourceState;
  /** Last batch applied; -1 before the first. */
  readonly sequence: number;
  /** Since the last batch or heartbeat, in milliseconds. */
  readonly ageMs: number;
  /** From the engine's socket to the index, of the last batch, in milliseconds. */
  readonly lagMs: number;
  /** Batches lost in this epoch. */
  readonly lostBatches: number;
  /** Times the source was forgotten and learnt anew, since the beginning. */
  readonly restarts: number;
}

/** What an index knows altogether: what a decision record says beside a prefix match. */
export interface KvFreshness {
  /** Whether everything that the bus has was applied: false while catching up and while the bus is unreachable. */
  readonly isCaughtUp: boolean;
  /** The oldest `ageMs` of all sources; undefined without sources. */
  readonly oldestMs: number | undefined;
  readonly sources: number;
  /** Sources in the state `whole`. */
  readonly wholeSources: number;
  /** Batches lost in the sources' present epochs. */
  readonly lostBatches: number;
}
