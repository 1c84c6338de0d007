// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { KvApplyReport, KvEventBatch, KvEventSource } from '@llm-d/kv-index';
import type { Counter, Gauge, Histogram, Logger, Metrics, Telemetry } from '@llm-d/telemetry';
import {
  applyLagSeconds,
  duplicatesTotal,
  gapsTotal,
  indexAdmissionsTotal,
  indexEvictionsTotal,
  lastHeardTimestampSeconds,
  missedBatchesTotal,
  refusedSourcesTotal,
  removalsSkippedTotal,
  resyncsTotal,
  storesSkippedTotal,
  undecodableTotal,
  unreadableEventsTotal,
} from './kv-event-metrics.ts';
import type { KvBatchMessage } from './kv-message.ts';
import { type LogLimiter, createLogLimiter } from './log-limiter.ts';

/** Why the blocks of a source were forgotten. */
export type ResyncReason = 'epoch' | 'cleared' | 'loss';

/** A batch that is in the index. */
export interface AppliedBatch {
  readonly source: KvEventSource;
  readonly sequence: number;
  readonly batch: KvEventBatch;
  readonly report: KvApplyReport;
  readonly lagMs: number;
}

/** Kinds that engines are known to have; others count as one, because an engine chooses the word. */
const CACHE_KINDS = new Set([
  'full_attention',
  'mla_attention',
  'sliding_window',
  'sliding_window_mla',
  'mamba',
  'chunked_local_attention',
  'sink_full_attention',
  'encoder_only_attention',
  'cross_attention',
]);

/** What a follower counts and writes. */
export class FollowerTelemetry {
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #duplicates: Counter;
  readonly #admissions: Counter;
  readonly #evictions: Counter;
  readonly #lag: Histogram;
  readonly #heard = new Map<string, Map<number, Gauge>>();
  readonly #undecodableLog: LogLimiter;
  readonly #unreadableLog: LogLimiter;
  readonly #missedLog: LogLimiter;
  readonly #refusedLog: LogLimiter;

  constructor({ metrics, logger }: Telemetry, clock: Clock) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#duplicates = metrics.counter(duplicatesTotal, {});
    this.#admissions = metrics.counter(indexAdmissionsTotal, {});
    this.#evictions = metrics.counter(indexEvictionsTotal, {});
    this.#lag = metrics.histogram(applyLagSeconds, {});
    this.#undecodableLog = createLogLimiter(clock);
    this.#unreadableLog = createLogLimiter(clock);
    this.#missedLog = createLogLimiter(clock);
    this.#refusedLog = createLogLimiter(clock);
  }

  duplicate(): void {
    this.#duplicates.inc();
  }

  heard({ pod, dpRank }: KvEventSource, heardMs: number): void {
    let ranks = this.#heard.get(pod);
    if (ranks === undefined) this.#heard.set(pod, (ranks = new Map<number, Gauge>()));
    let gauge = ranks.get(dpRank);
    if (gauge === undefined) {
      const labels = { pod_identifier: pod, dp_rank: String(dpRank) };
      ranks.set(dpRank, (gauge = this.#metrics.gauge(lastHeardTimestampSeconds, labels)));
    }
    gauge.set(heardMs / 1000);
  }

  gap({ pod }: KvEventSource): void {
    this.#metrics.counter(gapsTotal, { pod_identifier: pod }).inc();
  }

  missed({ pod, dpRank }: KvEventSource, batches: number): void {
    this.#metrics.counter(missedBatchesTotal, { pod_identifier: pod }).inc(batches);
    this.#missedLog.write((keptBack) => {
      this.#logger.warn('KV event batches are missing', { pod, dpRank, batches, keptBack });
    });
  }

  resync(reason: ResyncReason, { pod, dpRank, epoch }: KvEventSource): void {
    this.#metrics.counter(resyncsTotal, { reason }).inc();
    this.#logger.debug('the blocks of a source are learnt anew', { pod, dpRank, epoch, reason });
  }

  undecodable({ source, sequence }: KvBatchMessage, error: Error): void {
    const { pod, dpRank } = source;
    this.#metrics.counter(undecodableTotal, { pod_identifier: pod }).inc();
    this.#undecodableLog.write((keptBack) => {
      this.#logger.warn('a KV event batch could not be decoded and was passed over', {
        ...{ pod, dpRank, sequence, error, keptBack },
      });
    });
  }

  refused({ pod, dpRank }: KvEventSource): void {
    this.#metrics.counter(refusedSourcesTotal, {}).inc();
    this.#refusedLog.write((keptBack) => {
      this.#logger.warn('a source of KV events is not followed: there are too many', {
        ...{ pod, dpRank, keptBack },
      });
    });
  }

  applied({ source, sequence, batch, report, lagMs }: AppliedBatch): void {
    this.#lag.observe(lagMs / 1000);
    this.#admissions.inc(report.storedBlocks);
    this.#evictions.inc(report.removedBlocks);
    for (const { event, reason } of report.unplaced) this.#skipped(batch, event, reason);
    const [problem] = batch.problems;
    if (problem === undefined) return;
    const { pod, dpRank } = source;
    const { problems } = batch;
    this.#metrics.counter(unreadableEventsTotal, { pod_identifier: pod }).inc(problems.length);
    this.#unreadableLog.write((keptBack) => {
      this.#logger.warn('events that make no sense were left out of a KV event batch', {
        ...{ pod, dpRank, sequence, events: problems.length, first: problem.message, keptBack },
      });
    });
  }

  /** Takes its series away. */
  forget({ pod, dpRank }: KvEventSource): void {
    this.#metrics.remove(lastHeardTimestampSeconds, {
      ...{ pod_identifier: pod, dp_rank: String(dpRank) },
    });
    const ranks = this.#heard.get(pod);
    ranks?.delete(dpRank);
    if (ranks !== undefined && ranks.size > 0) return;
    this.#heard.delete(pod);
    for (const definition of [
      gapsTotal,
      missedBatchesTotal,
      undecodableTotal,
      unreadableEventsTotal,
    ]) {
      this.#metrics.remove(definition, { pod_identifier: pod });
    }
  }

  #skipped(batch: KvEventBatch, event: number, reason: string): void {
    const skipped = batch.events[event];
    const kind = skipped?.type === 'stored' ? skipped.specKind : null;
    const cache_kind = kind === null ? 'unknown' : CACHE_KINDS.has(kind) ? kind : 'other';
    const definition = skipped?.type === 'removed' ? removalsSkippedTotal : storesSkippedTotal;
    this.#metrics.counter(definition, { cache_kind, reason }).inc();
  }
}
