// SPDX-License-Identifier: Apache-2.0
export { startEndpointPicker } from './running-picker.ts';
export { pluginStateReport } from './plugin-state-report.ts';
export { watchConfigFile } from './reload/watch-config-file.ts';
export { configStateYaml, createConfigRecord } from './reload/config-record.ts';
export { createEndpointPicker } from './picker/endpoint-picker.ts';
export { explainRecord, summarizeRecord } from './picker/record-explanation.ts';
export {
  controlHeader,
  destinationEndpointKey,
  droppedReasonHeader,
  isControlHeader,
  isPlatformHeader,
  isSystemOwnedHeader,
} from './request/control-headers.ts';
export { bodyTooLarge, createBodyIntake } from './request/body-intake.ts';
export { createRequestPolicies, resolveModel } from './request/request-policies.ts';
export { createRewriteCounter } from './request/rewrite-counter.ts';
export { createRequestRoutes } from './request/request-routes.ts';
export { eligibilityOf, subsetHintKey, subsetHintNamespace } from './request/subset-hint.ts';
export { createConditionalDecode, prefersCached } from './request/conditional-decode.ts';
export { schedulingRequestOf, tokenUsageOf } from './request/scheduling-request.ts';
export { evicted, shuttingDown } from './picker/refusal.ts';
export { describeFlowControl } from './flow-control/flow-snapshot.ts';
export { createFleet } from './fleet/fleet.ts';
export { describeFleet } from './fleet/fleet-description.ts';
export { createPickerRegistry, pickerPlugins } from './config/picker-registry.ts';
export {
  defaultLatencyPredictorSettings,
  LatencyPredictorSettingsError,
  readLatencyPredictorSettings,
} from './producers/predicted-latency-producer/latency-predictor-settings.ts';
export { EndpointsFileError, parseEndpointsFile } from './discovery/endpoints-file.ts';
export { nodeFiles, startFileDiscovery } from './discovery/file-discovery.ts';
export {
  endpointPoolOf,
  labelSelectorText,
  parseLabelSelector,
} from './discovery/kubernetes/endpoint-pool.ts';
export { activePortsAnnotations } from './discovery/kubernetes/active-ports.ts';
export { createPoolMembership } from './discovery/kubernetes/pool-membership.ts';
export { parsersSpeak } from './discovery/kubernetes/app-protocol.ts';
export { policySourcesOf } from './discovery/kubernetes/pool-policies.ts';
export { createHttpMetricsTransport } from './scrape/http-metrics-transport.ts';
export { createMappingSelector, UnknownEngineError } from './scrape/configured-mapping.ts';
export { createMetricReader } from './scrape/exposition-reader.ts';
export { createEngineMetricsReader } from './scrape/engine-metrics-reader.ts';
export { engineMappings } from './scrape/engine-mapping.ts';
export { MetricSpecError, parseMetricSpec } from './scrape/metric-spec.ts';
export { ScrapeError } from './scrape/metrics-transport.ts';
export { startScraper } from './scrape/scraper.ts';
export { clientLabelLimits, endpointPickerMetrics } from './metrics.ts';
export { buildInfo } from './metric-definitions/picker-series.ts';

export type { PluginState, RunningPicker, RunningPickerOptions } from './running-picker.ts';
export type { PluginStateReport, ReportedPlugin } from './plugin-state-report.ts';
export type { ReloadOutcome } from './reload/reload-outcome.ts';
export type { RetiringGeneration } from './reload/generations.ts';
export type { ConfigFileOptions } from './reload/watch-config-file.ts';
export type {
  ConfigAttempt,
  ConfigRecord,
  ConfigRecordOptions,
  ConfigState,
  TriedConfig,
} from './reload/config-record.ts';
export type {
  BoundSocket,
  FollowedBus,
  FollowedEndpoint,
  KvEventSources,
  KvSourceContext,
  RedisIndexOptions,
  RemoteKvIndex,
  SharedSpeculation,
  SpeculationExchange,
} from './producers/precise-prefix-cache-producer/kv-event-sources.ts';
export type { PickerEnvironment } from './config/picker-registry.ts';
export type { LocalTokenizerFactory } from './producers/token-producer/local-tokenizer.ts';
export type { LatencyPredictorSettings } from './producers/predicted-latency-producer/latency-predictor-settings.ts';
export type { PredictedLatencyEnvironment } from './producers/predicted-latency-producer/predicted-latency-producer.ts';
export type {
  EndpointPicker,
  EndpointPickerOptions,
  FlowControlView,
  OwnEndpointPicker,
  Picked,
  PickerPlugins,
  PickOptions,
} from './picker/endpoint-picker.ts';
export type {
  AnswerRecord,
  DecisionLog,
  DecisionRecord,
  FlowRecord,
  PrefixRecord,
} from './picker/decision-log.ts';
export type {
  CandidateState,
  CandidatePrefix,
  PrefixExplanation,
  RecordExplanation,
  RecordSummary,
} from './picker/record-explanation.ts';
export type { ExchangeEnd, PlacedExchange } from './picker/exchange.ts';
export type { DropReason, Refusal } from './picker/refusal.ts';
export type { BodyIntake, BodyIntakeOptions } from './request/body-intake.ts';
export type { ControlPurpose } from './request/control-headers.ts';
export type { ModelRewrite, RewriteRule, RewriteTarget } from './request/model-rewrite.ts';
export type {
  ModelResolution,
  PolicySources,
  RequestPolicies,
  RequestPolicyHolder,
} from './request/request-policies.ts';
export type { RequestRoute } from './request/request-routes.ts';
export type { Eligibility } from './request/subset-hint.ts';
export type { ReceivedRequest } from './request/scheduling-request.ts';
export type { FlowOutcome } from './flow-control/flow-outcome.ts';
export type {
  BandDescription,
  BandSnapshot,
  FlowControlDescription,
  FlowDescription,
  FlowSnapshot,
} from './flow-control/flow-snapshot.ts';
export type { Ejection, Fleet, Placement } from './fleet/fleet.ts';
export type { EndpointDescription } from './fleet/fleet-description.ts';
export type { EndpointsFile } from './discovery/endpoints-file.ts';
export type { FileDiscoveryOptions, WatchedFiles } from './discovery/file-discovery.ts';
export type {
  AppProtocol,
  DiscoveredPool,
  EndpointPool,
} from './discovery/kubernetes/endpoint-pool.ts';
export type { DiscoveredPod } from './discovery/kubernetes/pod.ts';
export type { PoolMembership } from './discovery/kubernetes/pool-membership.ts';
export type {
  DiscoveredObjective,
  DiscoveredPoolRef,
  DiscoveredRewrite,
  PoolKey,
} from './discovery/kubernetes/pool-policies.ts';
export type { ConfiguredMappings, EngineConfig } from './scrape/configured-mapping.ts';
export type { EngineMapping, InfoSpec } from './scrape/engine-mapping.ts';
export type { MetricReader, Sample } from './scrape/exposition-reader.ts';
export type { EngineMetricsReader } from './scrape/engine-metrics-reader.ts';
export type { HttpMetricsTransportOptions } from './scrape/http-metrics-transport.ts';
export type { MetricSpec } from './scrape/metric-spec.ts';
export type { MetricsTransport, ScrapeFailure } from './scrape/metrics-transport.ts';
export type { ScraperOptions } from './scrape/scraper.ts';
