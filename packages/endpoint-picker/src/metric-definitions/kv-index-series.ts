// SPDX-License-Identifier: Apache-2.0
import {
  defineCounter,
  defineGauge,
  defineHistogram,
  withLegacyTwin,
  type MetricDefinition,
} from '@llm-d/telemetry';

/** What llm-d and Prometheus' libraries use for seconds. */
const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const nameOf = (suffix: string): string => `llm_d_epp_kv_cache_index_${suffix}`;

/** Under the name `kvcache_index_…` as well, with the text that llm-d has there. */
const alsoFormer = <D extends MetricDefinition>(definition: D, suffix: string, text: string): D =>
  withLegacyTwin(definition, {
    name: `kvcache_index_${suffix}`,
    help: `Deprecated: use ${nameOf(suffix)}. ${text}`,
    labels: {},
  });

const counter = (suffix: string, text: string) =>
  alsoFormer(defineCounter(nameOf(suffix), `[ALPHA] ${text}`), suffix, text);

export const kvIndexLookupRequestsTotal = counter(
  'lookup_requests_total',
  'Total number of lookup calls',
);
export const kvIndexLookupHitsTotal = counter(
  'lookup_hits_total',
  'Contiguous prefix blocks matched by the best pod per lookup',
);
export const kvIndexMaxPodHitCountTotal = counter(
  'max_pod_hit_count_total',
  'Longest contiguous per-pod prefix chain observed per lookup',
);

const LATENCY = 'Latency of Lookup calls in seconds';
export const kvIndexLookupLatencySeconds = alsoFormer(
  defineHistogram(nameOf('lookup_latency_seconds'), `[ALPHA] ${LATENCY}`, defaultBuckets),
  'lookup_latency_seconds',
  LATENCY,
);

const pluginLabels = ['plugin_name', 'plugin_type'] as const;

export const kvIndexTokenParity = defineGauge(
  'llm_d_epp_kv_index_token_parity',
  '[ALPHA] Share of the blocks of recent prompts that turned up in the events of the engines that computed them; near 0 where prompts are tokenized otherwise than the engines do.',
  pluginLabels,
);
export const kvIndexSpeculativeEntries = defineGauge(
  'llm_d_epp_kv_index_speculative_entries',
  '[ALPHA] Prompts whose blocks are taken for cached where they were sent until events tell.',
  pluginLabels,
);
export const kvIndexUnusedTotal = defineCounter(
  'llm_d_epp_kv_index_unused_total',
  '[ALPHA] Requests for which the index was of no use, by reason: no_tokens, token_parity, lookup_failed or nothing_known.',
  [...pluginLabels, 'reason'],
);

/** What precise prefix matching tells of its work. */
export const kvIndexMetrics: readonly MetricDefinition[] = [
  kvIndexLookupRequestsTotal,
  kvIndexLookupHitsTotal,
  kvIndexMaxPodHitCountTotal,
  kvIndexLookupLatencySeconds,
  kvIndexTokenParity,
  kvIndexSpeculativeEntries,
  kvIndexUnusedTotal,
];
