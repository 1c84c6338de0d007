// SPDX-License-Identifier: Apache-2.0
export { createEngine } from './engine.ts';
export { EngineConfigError } from './engine-config.ts';
export { ProfileError, parseProfile } from './profile.ts';
export { builtInProfiles, findBuiltInProfile } from './built-in-profiles.ts';
export { defaultLatencySettings, stepTimeMs } from './step-time.ts';
export { wordTokens } from './vocabulary.ts';

export type { Engine, EngineOptions, EngineSnapshot, StepRecord } from './engine.ts';
export type { EngineConfig, SettledConfig } from './engine-config.ts';
export type { EngineProfile, StepCosts } from './profile.ts';
export type {
  EngineRequest,
  FinishReason,
  RefusalReason,
  SequenceResult,
  SequenceSink,
  SubmitResult,
} from './request.ts';
export type { LatencySettings, StepWork } from './step-time.ts';
export type { KvEvent } from './kv-events.ts';
export type { BlockCounts } from './block-pool.ts';
