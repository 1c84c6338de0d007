// SPDX-License-Identifier: Apache-2.0
export type {
  KvBus,
  KvBusPosition,
  KvBusReadOptions,
  KvBusReader,
  KvSnapshot,
  KvSnapshotStore,
} from './kv-bus.ts';
export type { KvFollower } from './kv-follower.ts';
export type { KvFreshness, KvSourceFreshness, KvSourceState } from './kv-freshness.ts';
export type {
  KvBatchMessage,
  KvGoneMessage,
  KvHeartbeatMessage,
  KvLossMessage,
  KvMessage,
} from './kv-message.ts';
