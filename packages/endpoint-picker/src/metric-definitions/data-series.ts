// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  withFormerName,
  type MetricDefinition,
} from '@llm-d/telemetry';

const pluginLabels = ['plugin_name', 'plugin_type'] as const;
const ratioBuckets = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export const pollErrorsTotal = withFormerName(
  defineCounter(
    'llm_d_epp_datalayer_poll_errors_total',
    '[ALPHA] Data-source poll errors per source type.',
    ['source_type'],
  ),
  'llm_d_inference_scheduler_datalayer_poll_errors_total',
);
export const extractErrorsTotal = withFormerName(
  defineCounter(
    'llm_d_epp_datalayer_extract_errors_total',
    '[ALPHA] Extract errors per source/extractor type.',
    ['source_type', 'extractor_type'],
  ),
  'llm_d_inference_scheduler_datalayer_extract_errors_total',
);

const formerIndexer = (suffix: string): string => `inference_extension_prefix_indexer_${suffix}`;

export const prefixIndexerSize = withFormerName(
  defineGauge('llm_d_epp_prefix_indexer_size', '[ALPHA] Size of the prefix indexer.', pluginLabels),
  formerIndexer('size'),
  [],
);
export const prefixIndexerHitRatio = withFormerName(
  defineHistogram(
    'llm_d_epp_prefix_indexer_hit_ratio',
    '[ALPHA] Ratio of prefix length matched to total prefix length in the cache lookup.',
    ratioBuckets,
    pluginLabels,
  ),
  formerIndexer('hit_ratio'),
  [],
);
export const prefixIndexerHitBytes = withFormerName(
  defineHistogram(
    'llm_d_epp_prefix_indexer_hit_bytes',
    '[ALPHA] Length of the prefix match in number of bytes in the cache lookup.',
    [0, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536],
    pluginLabels,
  ),
  formerIndexer('hit_bytes'),
  [],
);

export const encoderCacheQueriesTotal = defineCounter(
  'llm_d_epp_encoder_cache_queries_total',
  '[ALPHA] Total number of multimodal item hash lookups made against the encoder-cache affinity LRU.',
  ['plugin_type', 'plugin_name', 'modality'],
);
export const encoderCacheHitsTotal = defineCounter(
  'llm_d_epp_encoder_cache_hits_total',
  '[ALPHA] Total number of multimodal item hash lookups that found a match in the encoder-cache affinity LRU, by endpoint.',
  ['plugin_type', 'plugin_name', 'pod', 'modality'],
);
export const encoderCacheHitRatio = defineHistogram(
  'llm_d_epp_encoder_cache_hit_ratio',
  '[ALPHA] Ratio of matched multimodal items to total items per endpoint in an encoder-cache lookup.',
  ratioBuckets,
  ['plugin_type', 'plugin_name'],
);

const inflightLabels = [
  'endpoint_name',
  'namespace',
  'producer_name',
  'fairness_id',
  'priority',
] as const;

export const inflightRequests = defineGauge(
  'llm_d_epp_inflight_requests',
  '[ALPHA] Current number of in-flight requests per endpoint, as tracked by the in-flight load producer.',
  inflightLabels,
);
export const inflightTokens = defineGauge(
  'llm_d_epp_inflight_tokens',
  '[ALPHA] Current number of in-flight tokens per endpoint (uncached prompt tokens, optionally plus estimated output), as tracked by the in-flight load producer.',
  inflightLabels,
);

/** What data sources and producers tell of their work. */
export const dataMetrics: readonly MetricDefinition[] = [
  pollErrorsTotal,
  extractErrorsTotal,
  prefixIndexerSize,
  prefixIndexerHitRatio,
  prefixIndexerHitBytes,
  encoderCacheQueriesTotal,
  encoderCacheHitsTotal,
  encoderCacheHitRatio,
  inflightRequests,
  inflightTokens,
];
