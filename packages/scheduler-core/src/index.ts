// SPDX-License-Identifier: Apache-2.0
export { clampScore, createScheduler } from './scheduler.ts';
export { definePlugin } from './plugin-definition.ts';
export { endpointId, formatHostPort, unknownMetrics } from './endpoint.ts';
export { Attributes, attribute } from './attribute.ts';
export { inflightLoad } from './attributes/inflight-load.ts';
export { prefixMatches } from './attributes/prefix-matches.ts';
export { tokenizedPrompt } from './attributes/tokenized-prompt.ts';

export type {
  Named,
  Scheduler,
  SchedulerOptions,
  SchedulingProfile,
  WeightedScorer,
} from './scheduler.ts';
export type {
  Completion,
  DataProducer,
  EndpointListener,
  Exchange,
  Filter,
  HeaderWriter,
  Picker,
  Plugin,
  PreRequest,
  ProducerOutput,
  ProfileHandler,
  ResponseHooks,
  ScoredCandidates,
  Scorer,
  Termination,
  TokenUsage,
} from './plugin-contracts.ts';
export type {
  FilterTrace,
  NoEndpoint,
  ProfileOutcome,
  SchedulingOutcome,
  SchedulingResult,
  ScorerTrace,
} from './scheduling-result.ts';
export type {
  AnyPluginDefinition,
  ExtensionPoint,
  PluginContext,
  PluginDefinition,
} from './plugin-definition.ts';
export type { Attribute, AttributeReader } from './attribute.ts';
export type { InflightLoad } from './attributes/inflight-load.ts';
export type { PrefixMatches } from './attributes/prefix-matches.ts';
export type { TokenizedPrompt } from './attributes/tokenized-prompt.ts';
export type { Endpoint, EndpointIdentity, EngineMetrics } from './endpoint.ts';
export type { Prompt, SchedulingRequest } from './request.ts';
export type { SchedulingCycle } from './cycle.ts';
