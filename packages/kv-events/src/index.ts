// SPDX-License-Identifier: Apache-2.0
export { createKvFollower } from './create-kv-follower.ts';
export { restoreFollowed, snapshotFollowed } from './snapshot/follower-snapshot.ts';
export { createLocalKvBus } from './bus/local-kv-bus.ts';
export { KvBusError } from './bus/kv-bus-error.ts';
export { kvBusMetrics } from './bus/kv-bus-metrics.ts';
export { epochOf, judgeSequence, restarted } from './sequence-cursor.ts';
export { kvEventMetrics } from './kv-event-metrics.ts';
export type { KvFollowerOptions, KvIndexFollower } from './create-kv-follower.ts';
export type {
  KvBus,
  KvBusPosition,
  KvBusReadOptions,
  KvBusReader,
  KvSnapshot,
  KvSnapshotStore,
} from './kv-bus.ts';
export type { FollowedIndex } from './snapshot/follower-snapshot.ts';
export type { LocalKvBusOptions } from './bus/local-kv-bus.ts';
export type { KvBusErrorCode } from './bus/kv-bus-error.ts';
export type { KvFollower } from './kv-follower.ts';
export type { KvFreshness, KvSourceFreshness, KvSourceState } from './kv-freshness.ts';
export type {
  KvBatchMessage,
  KvGoneMessage,
  KvHeartbeatMessage,
  KvLossMessage,
  KvMessage,
} from './kv-message.ts';
export type {
  NumberedBatch,
  RestartEvidence,
  SequencePosition,
  SequenceVerdict,
} from './sequence-cursor.ts';
export type { KvSourceCursor } from './source-table.ts';
