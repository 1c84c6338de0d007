// SPDX-License-Identifier: Apache-2.0
import {
  type MetricDefinition,
  defineCounter,
  defineGauge,
  defineHistogram,
} from '@llm-d/telemetry';

const PREFIX = 'llm_d_kv_indexer_';

export const indexedBlocks = defineGauge(
  `${PREFIX}blocks`,
  'Different blocks known to be somewhere.',
);
export const indexedCopies = defineGauge(
  `${PREFIX}copies`,
  'Copies of blocks: each rank of a pod has its own, in every tier.',
);
export const indexBytes = defineGauge(
  `${PREFIX}index_bytes`,
  'Memory that the tables of the index take.',
);
export const caughtUp = defineGauge(
  `${PREFIX}caught_up`,
  '1 while everything that the bus has is applied, 0 while catching up and while the bus is unreachable.',
);
export const appliedPosition = defineGauge(
  `${PREFIX}applied_position`,
  'Place on the bus of the last message that was applied.',
);
export const truncations = defineCounter(
  `${PREFIX}truncations_total`,
  'Times that the bus no longer had what follows.',
);
export const snapshotsTaken = defineCounter(
  `${PREFIX}snapshots_total`,
  'Snapshots by outcome: saved, unchanged (nothing was applied since the last one), standby (another replica takes them), failed.',
  ['outcome'],
);
export const snapshotBytes = defineGauge(
  `${PREFIX}snapshot_bytes`,
  'Size of the last snapshot that was saved.',
);
export const snapshotSeconds = defineHistogram(
  `${PREFIX}snapshot_seconds`,
  'Time to take and save a snapshot, in seconds.',
  [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
);
export const snapshotTimestamp = defineGauge(
  `${PREFIX}snapshot_timestamp_seconds`,
  'When the last snapshot was saved, in seconds since the Unix epoch.',
);
export const queries = defineCounter(
  `${PREFIX}queries_total`,
  'Questions by kind and outcome: answered, refused (the question was wrong), unable (tokens could not be had), failed.',
  ['kind', 'outcome'],
);
export const querySeconds = defineHistogram(
  `${PREFIX}query_seconds`,
  'Time to hash and look up the tokens of a question, in seconds.',
  [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
);
export const mirrorPendingRows = defineGauge(
  `${PREFIX}redis_pending_rows`,
  'Changed rows that Redis has not confirmed.',
);
export const mirrorState = defineGauge(
  `${PREFIX}redis_state`,
  '1 for the state that the rows in Redis are in, 0 for the others.',
  ['state'],
);

/** What this program tells of itself, besides the bus and the follower. */
export const kvIndexerMetrics: readonly MetricDefinition[] = [
  indexedBlocks,
  indexedCopies,
  indexBytes,
  caughtUp,
  appliedPosition,
  truncations,
  snapshotsTaken,
  snapshotBytes,
  snapshotSeconds,
  snapshotTimestamp,
  queries,
  querySeconds,
  mirrorPendingRows,
  mirrorState,
];
