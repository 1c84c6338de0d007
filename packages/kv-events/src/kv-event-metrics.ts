// SPDX-License-Identifier: Apache-2.0
import {
  type MetricDefinition,
  defineCounter,
  defineGauge,
  defineHistogram,
  withLegacyTwin,
} from '@llm-d/telemetry';

const PREFIX = 'llm_d_epp_kv_cache_events_';
const perPod = ['pod_identifier'] as const;

const counter = (name: string, text: string) => defineCounter(PREFIX + name, `[ALPHA] ${text}`);
const podCounter = (name: string, text: string) =>
  defineCounter(PREFIX + name, `[ALPHA] ${text}`, perPod);

/** A counter of the index that `kvcache_index_` has, too, with the text that llm-d gives to it. */
const indexCounter = (name: string, text: string) => {
  const current = `llm_d_epp_kv_cache_index_${name}`;
  return withLegacyTwin(defineCounter(current, `[ALPHA] ${text}`), {
    name: `kvcache_index_${name}`,
    help: `Deprecated: use ${current}. ${text}`,
    labels: {},
  });
};

export const messagesReceivedTotal = podCounter(
  'messages_received_total',
  'Total number of messages received from ZMQ subscribers',
);
export const activeSubscribers = defineGauge(
  `${PREFIX}active_subscribers`,
  '[ALPHA] Number of ZMQ subscribers currently managed, including those retrying a failed connection',
);
export const subscriberReconnectionsTotal = podCounter(
  'subscriber_reconnections_total',
  'Total number of ZMQ subscriber reconnection attempts',
);
export const zmqErrorsTotal = defineCounter(
  `${PREFIX}zmq_errors_total`,
  '[ALPHA] Total number of ZMQ subscriber errors',
  ['pod_identifier', 'operation'],
);
export const replayCompletedTotal = podCounter(
  'replay_completed_total',
  'Total number of KV-event replay attempts that completed successfully',
);
export const replayFailuresTotal = podCounter(
  'replay_failures_total',
  'Total number of KV-event replay attempts that ended without completing; the reason is in kv_cache_events_zmq_errors_total',
);
export const replayProcessedTotal = podCounter(
  'replay_processed_total',
  'Total number of KV-events forwarded to the processing pool by replay',
);
export const storesSkippedTotal = defineCounter(
  `${PREFIX}stores_skipped_total`,
  '[ALPHA] Total number of KV-cache store events skipped before prefix indexing',
  ['cache_kind', 'reason'],
);
export const removalsSkippedTotal = defineCounter(
  `${PREFIX}removals_skipped_total`,
  '[ALPHA] Total number of KV-cache removal events skipped for groups excluded from prefix indexing',
  ['cache_kind', 'reason'],
);
export const indexAdmissionsTotal = indexCounter(
  'admissions_total',
  'Total number of KV-block admissions',
);
export const indexEvictionsTotal = indexCounter(
  'evictions_total',
  'Total number of KV-block evictions',
);

export const droppedMessagesTotal = podCounter(
  'dropped_messages_total',
  'Messages dropped because too many bytes were waiting to be applied; they are asked for again, or reported as missed.',
);
export const bufferedBytes = defineGauge(
  `${PREFIX}buffered_bytes`,
  '[ALPHA] Bytes of messages that were received from engines and wait to be applied.',
);
export const gapsTotal = podCounter(
  'gaps_total',
  'Gaps noticed in the numbers of batches, repaired by a replay or not.',
);
export const missedBatchesTotal = podCounter(
  'missed_batches_total',
  'Batches that will never be applied, because no replay could give them.',
);
export const resyncsTotal = defineCounter(
  `${PREFIX}resyncs_total`,
  '[ALPHA] Times that the blocks of a source were forgotten and learnt anew, by reason: epoch (the engine restarted), cleared (it dropped its cache), or loss (too much was missing).',
  ['reason'],
);
export const duplicatesTotal = counter(
  'duplicates_total',
  'Messages passed over because they had been applied, or belong to an earlier life of their source.',
);
export const undecodableTotal = podCounter(
  'undecodable_total',
  'Batches passed over because they could not be decoded.',
);
export const unreadableEventsTotal = podCounter(
  'unreadable_events_total',
  'Events left out of batches because they made no sense.',
);
export const refusedSourcesTotal = counter(
  'refused_sources_total',
  'Messages passed over because they came from a source more than the limit allows.',
);
export const applyLagSeconds = defineHistogram(
  `${PREFIX}apply_lag_seconds`,
  '[ALPHA] Time from receiving a batch from its engine to having it in the index, in seconds.',
  [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
);
export const lastHeardTimestampSeconds = defineGauge(
  `${PREFIX}source_last_heard_timestamp_seconds`,
  '[ALPHA] When the last batch or heartbeat of a source was received from its engine, in seconds since the Unix epoch; its age is the time since then.',
  ['pod_identifier', 'dp_rank'],
);

/** What the way of KV events tells of itself. */
export const kvEventMetrics: readonly MetricDefinition[] = [
  messagesReceivedTotal,
  activeSubscribers,
  subscriberReconnectionsTotal,
  zmqErrorsTotal,
  replayCompletedTotal,
  replayFailuresTotal,
  replayProcessedTotal,
  storesSkippedTotal,
  removalsSkippedTotal,
  indexAdmissionsTotal,
  indexEvictionsTotal,
  droppedMessagesTotal,
  bufferedBytes,
  gapsTotal,
  missedBatchesTotal,
  resyncsTotal,
  duplicatesTotal,
  undecodableTotal,
  unreadableEventsTotal,
  refusedSourcesTotal,
  applyLagSeconds,
  lastHeardTimestampSeconds,
];
