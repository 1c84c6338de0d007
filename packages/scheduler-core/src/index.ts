// SPDX-License-Identifier: Apache-2.0
export { clampScore, createScheduler } from './scheduler.ts';
export { lintConfig } from './config/lint/config-lint.ts';
export { definePlugin, defineStructuralPlugin } from './plugin-definition.ts';
export { createPluginRegistry } from './plugin-registry.ts';
export { schedulingPlugins } from './plugins/scheduling-plugins.ts';
export { prefixCacheScorer } from './plugins/scorers/prefix-cache-scorer/prefix-cache-scorer.ts';
export { loadConfig } from './config/load-config.ts';
export { resolveConfig } from './config/resolve-config.ts';
export { defaultConfigText } from './config/default-config.ts';
export { configDiff, formatConfigDiff } from './config/config-diff.ts';
export { dataDifferences } from './config/data-differences.ts';
export { ConfigError, formatProblem } from './config/config-error.ts';
export { instantiatePlugins, PluginError } from './instantiate-plugins.ts';
export { explainDecision } from './explain-decision.ts';
export { describePlugins } from './describe-plugins.ts';
export { goDuration, parseGoDuration } from './config/go-duration.ts';
export { parseQuantity, quantity } from './config/quantity.ts';
export { knownPluginTypes } from './config/known-plugins.ts';
export { featureGateDefaults } from './config/feature-gates.ts';
export { endpointId, formatHostPort, unknownMetrics } from './endpoint.ts';
export { Attributes, attribute } from './attribute.ts';
export { inflightLoad } from './attributes/inflight-load.ts';
export { prefixMatches } from './attributes/prefix-matches.ts';
export { prefixKnowledge } from './attributes/prefix-knowledge.ts';
export { tokenizedPrompt } from './attributes/tokenized-prompt.ts';
export { encoderCacheMatches } from './attributes/encoder-cache-matches.ts';
export { latencyPredictions } from './attributes/latency-predictions.ts';
export { sessionId } from './attributes/session-id.ts';
export { endpointTopology, peerEndpoint } from './attributes/topology.ts';
export { endpointModels } from './attributes/endpoint-models.ts';
export { stageSaturation } from './plugins/flow-control/stage-saturation.ts';
export { IndexedHeap } from './plugins/flow-control/indexed-heap.ts';
export { schedulerCoreMetrics } from './metrics.ts';
export { createPluginDurations } from './plugin-durations.ts';

export type {
  Named,
  Scheduler,
  SchedulerOptions,
  SchedulingProfile,
  WeightedScorer,
} from './scheduler.ts';
export type {
  Admission,
  Admitter,
  Completion,
  DataProducer,
  Decider,
  Disaggregation,
  DynamicMetadata,
  EndpointListener,
  Exchange,
  Extractor,
  Filter,
  HandlerOutput,
  HeaderWriter,
  Picker,
  Plugin,
  PreRequest,
  ProducerOutput,
  ProfileHandler,
  RecordedFacts,
  RequestHeaders,
  ResponseHooks,
  ScoredCandidates,
  Scorer,
  Screener,
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
  StageNote,
} from './scheduling-result.ts';
export type {
  AnyPluginDefinition,
  ExtensionPoint,
  FormerParameter,
  PluginContext,
  PluginDefinition,
  PluginReference,
  ScoreTraits,
  StructuralPluginDefinition,
  StructuralPoint,
} from './plugin-definition.ts';
export type {
  MeasuredPoint,
  PluginDurations,
  PluginDurationsOptions,
  PluginRun,
} from './plugin-durations.ts';
export type { PluginRegistry } from './plugin-registry.ts';
export type { LoadConfigOptions } from './config/load-config.ts';
export type { ResolveConfigOptions } from './config/resolve-config.ts';
export type {
  ConfigDiff,
  PluginChange,
  ProfileChange,
  WeightChange,
} from './config/config-diff.ts';
export type { DataDifference } from './config/data-differences.ts';
export type { ConfigProblem } from './config/config-error.ts';
export type { ConfigPath, Locate, Position } from './config/problem-list.ts';
export type { FeatureGate, FeatureGates } from './config/feature-gates.ts';
export type {
  ResolvedConfig,
  ResolvedDataLayer,
  ResolvedEviction,
  ResolvedFlowControl,
  ResolvedPlugin,
  ResolvedPriorityBand,
  ResolvedProfile,
} from './config/resolved-config.ts';
export type {
  FlowControlPolicies,
  InstantiatedPlugins,
  InstantiateOptions,
  ReusablePlugins,
} from './instantiate-plugins.ts';
export type {
  DecisionExplanation,
  EndpointExplanation,
  ProfileExplanation,
  ScoreExplanation,
  Verdict,
} from './explain-decision.ts';
export type { ParameterDescription, PluginDescription } from './describe-plugins.ts';
export type { Attribute, AttributeReader } from './attribute.ts';
export type { InflightLoad } from './attributes/inflight-load.ts';
export type { PrefixMatches, TierBlocks } from './attributes/prefix-matches.ts';
export type { PrefixFreshness, PrefixKnowledge } from './attributes/prefix-knowledge.ts';
export type { MediaFeature, TokenizedPrompt } from './attributes/tokenized-prompt.ts';
export type { EncoderCacheMatches } from './attributes/encoder-cache-matches.ts';
export type { LatencyPrediction, LatencyPredictions } from './attributes/latency-predictions.ts';
export type { EndpointModels, ServedModel } from './attributes/endpoint-models.ts';
export type { EndpointTopology, Topology } from './attributes/topology.ts';
export type { Endpoint, EndpointIdentity, EngineMetrics } from './endpoint.ts';
export type { MediaItem, Prompt, RequestBody, SchedulingRequest } from './request.ts';
export type { OwnCycle, SchedulingCycle } from './cycle.ts';
export type {
  EvictionFilter,
  EvictionOrdering,
  FairnessPolicy,
  FlowChooser,
  InFlightRequest,
  OrderingPolicy,
  QueuedRequest,
  SaturationContext,
  SaturationDetector,
  UnplacedRequests,
  UsageLimitPolicy,
  WaitingFlow,
} from './flow-control-contracts.ts';
export type { StageSaturation } from './plugins/flow-control/stage-saturation.ts';
export type { ConfigLint, LintFinding, ProfileLint } from './config/lint/config-lint.ts';
export type { ScoreInfluence } from './config/lint/score-influence.ts';
