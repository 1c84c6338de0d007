// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { KvMessage } from '@llm-d/kv-events';
import type { EngineRank } from '../engines/engine.ts';
import type { Resumption } from './resume.ts';
import type { TallyingMetrics } from './tallying-metrics.ts';

/** How the relaying of one rank is. */
export type SourceState =
  /** The bus has not yet said where to go on. */
  | 'resuming'
  /** Nothing was heard of the engine. */
  | 'waiting'
  | 'following'
  /** A message waits for the bus for longer than a second. */
  | 'blocked'
  /** It cannot be followed; it is tried again. */
  | 'failed';

/** What `/debug/sources` shows of a rank. Counts are since this process began. */
export interface SourceReport extends EngineRank {
  readonly pod: string;
  readonly name: string;
  readonly state: SourceState;
  /** Why it cannot be followed. */
  readonly problem?: string;
  readonly model?: string;
  readonly epoch: string;
  /** Last batch on the bus; -1 before the first. */
  readonly sequence: number;
  /** From arrival to the bus, of the last batch, in milliseconds. */
  readonly lagMs: number;
  /** Since anything was heard, in milliseconds. */
  readonly silentMs?: number;
  readonly batches: number;
  readonly bytes: number;
  readonly heartbeats: number;
  readonly lostBatches: number;
  readonly gaps: number;
  /** Batches that had no room in memory and were asked for again. */
  readonly droppedBatches: number;
  readonly replays: {
    readonly completed: number;
    readonly failed: number;
    readonly batches: number;
  };
  readonly reconnections: number;
}

const BLOCKED_AFTER_MS = 1000;
const PREFIX = 'llm_d_epp_kv_cache_events_';

/** Remembers what happened to one rank. */
export class RankRecord {
  readonly #clock: Clock;
  #problem: string | undefined;
  #hasBegun = false;
  #model: string | undefined;
  #epoch = '';
  #sequence = -1;
  #lagMs = 0;
  #heardMs: number | undefined;
  #busySinceMs: number | undefined;
  #batches = 0;
  #bytes = 0;
  #heartbeats = 0;
  #lost = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begun({ given, after }: Resumption): void {
    this.#hasBegun = true;
    this.#problem = undefined;
    this.#epoch = given;
    this.#sequence = after?.sequence ?? -1;
  }

  failed(error: unknown): void {
    this.#problem = error instanceof Error ? error.message : String(error);
  }

  /** A message is handed to the bus. */
  begins(message: KvMessage): void {
    this.#heardMs = this.#clock.nowMs();
    this.#busySinceMs = this.#heardMs;
    if (message.kind === 'gone') return;
    this.#model = message.source.model;
    this.#epoch = message.source.epoch;
  }

  ends(): void {
    this.#busySinceMs = undefined;
  }

  published(message: KvMessage): void {
    if (message.kind === 'batch') {
      this.#sequence = message.sequence;
      this.#lagMs = Math.max(0, this.#clock.epochMs() - message.receivedMs);
      this.#batches++;
      this.#bytes += message.payload.byteLength;
    } else if (message.kind === 'loss') {
      this.#sequence = message.untilSequence;
      this.#lost += message.untilSequence - message.fromSequence + 1;
    } else if (message.kind === 'heartbeat') this.#heartbeats++;
  }

  report(metrics: TallyingMetrics): Omit<SourceReport, keyof EngineRank | 'pod' | 'name'> {
    const total = (name: string) => metrics.total(PREFIX + name);
    return {
      state: this.#state(),
      ...(this.#problem !== undefined && { problem: this.#problem }),
      ...(this.#model !== undefined && { model: this.#model }),
      epoch: this.#epoch,
      sequence: this.#sequence,
      lagMs: this.#lagMs,
      ...(this.#heardMs !== undefined && { silentMs: this.#clock.nowMs() - this.#heardMs }),
      batches: this.#batches,
      bytes: this.#bytes,
      heartbeats: this.#heartbeats,
      lostBatches: this.#lost,
      gaps: total('gaps_total'),
      droppedBatches: total('dropped_messages_total'),
      replays: {
        completed: total('replay_completed_total'),
        failed: total('replay_failures_total'),
        batches: total('replay_processed_total'),
      },
      reconnections: total('subscriber_reconnections_total'),
    };
  }

  #state(): SourceState {
    if (this.#problem !== undefined) return 'failed';
    if (!this.#hasBegun) return 'resuming';
    const nowMs = this.#clock.nowMs();
    if (this.#busySinceMs !== undefined && nowMs - this.#busySinceMs > BLOCKED_AFTER_MS) {
      return 'blocked';
    }
    return this.#heardMs === undefined ? 'waiting' : 'following';
  }
}
