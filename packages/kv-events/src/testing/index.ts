// SPDX-License-Identifier: Apache-2.0
export { cleared, encodeBatch, removed, stored } from './batch-encoding.ts';
export { makeBatch, makeGone, makeHeartbeat, makeLoss, makeSource } from './make-message.ts';
export { createFleet } from './fleet-oracle.ts';
export { startEngineSocket } from './engine-socket.ts';
export { describeKvBus } from './kv-bus-conformance.ts';
export { collect } from './collecting-reader.ts';

export type {
  ClearedSetup,
  EncodingOptions,
  EventSetup,
  RemovedSetup,
  StoredSetup,
} from './batch-encoding.ts';
export type { EngineFaults, EngineSocket, EngineSocketOptions } from './engine-socket.ts';
export type { Fleet, FleetDifference, FleetEngine, FleetOptions } from './fleet-oracle.ts';
export type { KvBusOnTrial, KvBusOnTrialOptions } from './kv-bus-conformance.ts';
export type { CollectingOptions, CollectingReader } from './collecting-reader.ts';
