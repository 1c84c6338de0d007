// SPDX-License-Identifier: Apache-2.0
export { createKvEventDecoder } from './kv-event-decoder.ts';
export { KvEventDamageError, KvEventDecodeError } from './kv-event-decode-error.ts';
export { createMemoryKvBlockIndex } from './memory/memory-index.ts';
export { restoreMemoryKvBlockIndex } from './memory/restore.ts';
export { surveyKvBlocks } from './rows/block-survey.ts';
export { walkKvRows } from './rows/row-walk.ts';
export { KvSnapshotError } from './memory/snapshot-error.ts';
export { RequestKeyOptionsError, createRequestKeyHasher } from './request-key-hasher.ts';
export { defaultTierWeights, tierOf } from './cache-tier.ts';
export { PrefixHashOptionsError, createPrefixHasher } from './prefix-hasher.ts';
export { createPrefixLru } from './prefix-lru.ts';

export type { TierWeights } from './cache-tier.ts';
export type {
  Awaitable,
  KvApplyReport,
  KvBlockIndex,
  KvEventSource,
  KvIndexStats,
  KvMatch,
  KvMatches,
  KvPrefix,
  KvTierBlocks,
  KvUnplaced,
  KvUnplacedReason,
} from './kv-block-index.ts';
export type {
  AllBlocksClearedEvent,
  BlockRemovedEvent,
  BlockStoredEvent,
  KvEvent,
  KvEventBatch,
  KvEventProblem,
} from './kv-event-batch.ts';
export type { KvEventDecodeResult, KvEventDecoder } from './kv-event-decoder.ts';
export type { MemoryKvBlockIndex, MemoryKvBlockIndexOptions } from './memory/memory-index.ts';
export type { KvIndexSnapshot } from './memory/snapshot.ts';
export type { KvSnapshotErrorCode } from './memory/snapshot-error.ts';
export type { KvBlockSurvey, KvHolderSurvey } from './rows/block-survey.ts';
export type { KvBlockOwner, KvWalkedRow } from './rows/row-walk.ts';
export type { PrefixHashOptions, PrefixHasher } from './prefix-hasher.ts';
export type { PrefixLru } from './prefix-lru.ts';
export type {
  BlockExtras,
  RequestKeyAlgorithm,
  RequestKeyHasher,
  RequestKeyHasherOptions,
  RequestKeyOptions,
} from './request-key-hasher.ts';
