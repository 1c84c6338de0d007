// SPDX-License-Identifier: Apache-2.0
export { startEndpointPicker } from './running-picker.ts';
export { createEndpointPicker } from './picker/endpoint-picker.ts';
export { explainRecord, summarizeRecord } from './picker/record-explanation.ts';
export { createFleet } from './fleet/fleet.ts';
export { describeFleet } from './fleet/fleet-description.ts';
export { createPickerRegistry, pickerPlugins } from './config/picker-registry.ts';
export { EndpointsFileError, parseEndpointsFile } from './discovery/endpoints-file.ts';
export { nodeFiles, startFileDiscovery } from './discovery/file-discovery.ts';
export { createHttpMetricsTransport } from './scrape/http-metrics-transport.ts';
export { createMappingSelector, UnknownEngineError } from './scrape/configured-mapping.ts';
export { createMetricReader } from './scrape/exposition-reader.ts';
export { createEngineMetricsReader } from './scrape/engine-metrics-reader.ts';
export { engineMappings } from './scrape/engine-mapping.ts';
export { MetricSpecError, parseMetricSpec } from './scrape/metric-spec.ts';
export { ScrapeError } from './scrape/metrics-transport.ts';
export { startScraper } from './scrape/scraper.ts';
export { endpointPickerMetrics } from './metrics.ts';

export type { RunningPicker, RunningPickerOptions } from './running-picker.ts';
export type {
  EndpointPicker,
  EndpointPickerOptions,
  Picked,
  PickerPlugins,
  PickOptions,
} from './picker/endpoint-picker.ts';
export type { AnswerRecord, DecisionLog, DecisionRecord } from './picker/decision-log.ts';
export type {
  CandidateState,
  RecordExplanation,
  RecordSummary,
} from './picker/record-explanation.ts';
export type { ExchangeEnd, PlacedExchange } from './picker/exchange.ts';
export type { DropReason, Refusal } from './picker/refusal.ts';
export type { Ejection, Fleet, Placement } from './fleet/fleet.ts';
export type { EndpointDescription } from './fleet/fleet-description.ts';
export type { EndpointsFile } from './discovery/endpoints-file.ts';
export type { FileDiscoveryOptions, WatchedFiles } from './discovery/file-discovery.ts';
export type { ConfiguredMappings, EngineConfig } from './scrape/configured-mapping.ts';
export type { EngineMapping, InfoSpec } from './scrape/engine-mapping.ts';
export type { MetricReader, Sample } from './scrape/exposition-reader.ts';
export type { EngineMetricsReader } from './scrape/engine-metrics-reader.ts';
export type { HttpMetricsTransportOptions } from './scrape/http-metrics-transport.ts';
export type { MetricSpec } from './scrape/metric-spec.ts';
export type { MetricsTransport, ScrapeFailure } from './scrape/metrics-transport.ts';
export type { ScraperOptions } from './scrape/scraper.ts';
