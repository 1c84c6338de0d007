// SPDX-License-Identifier: Apache-2.0
export { createEngine } from './engine.ts';
export { EngineConfigError } from './engine-config.ts';
export { ProfileError, parseProfile } from './profile.ts';
export { builtInProfiles, findBuiltInProfile } from './built-in-profiles.ts';
export { defaultLatencySettings, stepTimeMs } from './step-time.ts';
export { wordTokens } from './vocabulary.ts';
export { createKvEventEncoder, encodeKvEventBatch } from './kv-events/kv-event-encoder.ts';
export { createSharedKvStorage } from './offload/shared-kv-storage.ts';
export { OffloadOptionsError } from './offload/offload-options.ts';

export type { Engine, EngineOptions, EngineSnapshot, ResetOptions, StepRecord } from './engine.ts';
export type { EngineConfig, SettledConfig } from './engine-config.ts';
export type { EngineProfile, StepCosts } from './profile.ts';
export type {
  EngineRequest,
  FinishReason,
  MediaItem,
  RefusalReason,
  SequenceResult,
  SequenceSink,
  SubmitResult,
} from './request.ts';
export type { LatencySettings, StepWork } from './step-time.ts';
export type {
  ExtraKey,
  HashPairs,
  KvClearedEvent,
  KvEvent,
  KvRemovedEvent,
  KvStoredEvent,
} from './kv-events/kv-event.ts';
export type {
  KvEventBatch,
  KvEventEncoder,
  KvEventEncoding,
} from './kv-events/kv-event-encoder.ts';
export type { OffloadOptions, TransferCosts } from './offload/offload-options.ts';
export type { SharedKvStorage, SharedKvStorageOptions } from './offload/shared-kv-storage.ts';
export type { TierContents } from './cache-contents.ts';
export type { BlockCounts } from './block-pool.ts';
