import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { describe, expect, test } from 'vitest';
import { clientLabelLimits, endpointPickerMetrics } from '../metrics.ts';
import { encoderCacheHitsTotal } from './data-series.ts';
import { buildInfo, schedulerAttemptsTotal, schedulerDurationSeconds } from './picker-series.ts';
import { perEndpointQueueSize, readyEndpoints } from './pool-series.ts';
import {
  requestErrorTotal,
  requestInputTokens,
  requestRunning,
  requestTotal,
  requestTtftSeconds,
} from './request-series.ts';

const flow = (fairness_id: string, priority = '0') => ({
  model_name: 'm10',
  target_model_name: 't10',
  fairness_id,
  priority,
});

/** The lines of one metric. */
const blockOf = (text: string, name: string): string => {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => line.startsWith(`# HELP ${name} `));
  const next = lines.findIndex((line, i) => i > first && line.startsWith('# HELP '));
  return lines.slice(first, next < 0 ? -1 : next).join('\n');
};

const observed = () => {
  const metrics = createPrometheusMetrics({
    definitions: endpointPickerMetrics,
    labelLimits: clientLabelLimits,
  });
  for (const id of ['gold', 'silver']) metrics.counter(requestTotal, flow(id)).inc();
  metrics.counter(requestTotal, flow('gold', '-1')).inc();
  metrics.counter(requestErrorTotal, { ...flow('gold'), error_code: 'Internal' }).inc();
  for (const id of ['gold', 'silver']) metrics.gauge(requestRunning, flow(id)).set(2);
  for (const tokens of [7, 40_000]) {
    metrics.histogram(requestInputTokens, flow(String(tokens))).observe(tokens);
  }
  metrics.histogram(requestTtftSeconds, { ...flow('gold'), streaming: 'true' }).observe(0.3);
  metrics.gauge(readyEndpoints, { name: 'pool' }).set(3);
  const endpoint = { name: 'pool', model_server_endpoint: 'default/pod1-rank-0' };
  metrics.gauge(perEndpointQueueSize, endpoint).set(100);
  metrics.histogram(schedulerDurationSeconds, {}).observe(0.00003);
  const attempt = { status: 'success', target_model_name: 't10', namespace: 'ns', port: '8000' };
  metrics.counter(schedulerAttemptsTotal, { ...attempt, endpoint_name: 'pod1' }).inc();
  metrics.gauge(buildInfo, { commit: 'abc', build_ref: 'v1' }).set(1);
  const producer = { plugin_type: 'mm', plugin_name: 'mm' };
  metrics.counter(encoderCacheHitsTotal, { ...producer, pod: 'p', modality: 'image' }).inc();
  return metrics.expose();
};

/** As llm-d-router writes them for the same observations. */
const golden = [
  `# HELP llm_d_epp_request_total [ALPHA] Total number of processed requests.
# TYPE llm_d_epp_request_total counter
llm_d_epp_request_total{fairness_id="gold",model_name="m10",priority="0",target_model_name="t10"} 1
llm_d_epp_request_total{fairness_id="silver",model_name="m10",priority="0",target_model_name="t10"} 1
llm_d_epp_request_total{fairness_id="gold",model_name="m10",priority="-1",target_model_name="t10"} 1`,
  `# HELP inference_objective_request_total [ALPHA] [Deprecated: Use llm_d_epp_request_total] Counter of inference objective requests broken out for each model and target model.
# TYPE inference_objective_request_total counter
inference_objective_request_total{model_name="m10",priority="0",target_model_name="t10"} 2
inference_objective_request_total{model_name="m10",priority="-1",target_model_name="t10"} 1`,
  `# HELP inference_objective_request_error_total [ALPHA] [Deprecated: Use llm_d_epp_request_error_total] Counter of inference objective requests errors broken out for each model and target model.
# TYPE inference_objective_request_error_total counter
inference_objective_request_error_total{error_code="Internal",model_name="m10",target_model_name="t10"} 1`,
  `# HELP inference_objective_running_requests [ALPHA] [Deprecated: Use llm_d_epp_request_running] Inference objective number of running requests in each model.
# TYPE inference_objective_running_requests gauge
inference_objective_running_requests{model_name="m10"} 4`,
  `# HELP inference_objective_input_tokens [ALPHA] [Deprecated: Use llm_d_epp_request_input_tokens] Inference objective input token count distribution for requests in each model.
# TYPE inference_objective_input_tokens histogram
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="1"} 0
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="8"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="16"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="32"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="64"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="128"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="256"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="512"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="1024"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="2048"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="4096"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="8192"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="16384"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="32778"} 1
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="65536"} 2
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="131072"} 2
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="262144"} 2
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="524288"} 2
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="1.048576e+06"} 2
inference_objective_input_tokens_bucket{model_name="m10",target_model_name="t10",le="+Inf"} 2
inference_objective_input_tokens_sum{model_name="m10",target_model_name="t10"} 40007
inference_objective_input_tokens_count{model_name="m10",target_model_name="t10"} 2`,
  `# HELP inference_pool_ready_pods [ALPHA] [Deprecated: Use llm_d_epp_ready_endpoints] The number of ready pods in the inference server pool.
# TYPE inference_pool_ready_pods gauge
inference_pool_ready_pods{name="pool"} 3`,
  `# HELP inference_pool_per_pod_queue_size [ALPHA] The total number of requests pending in the model server queue for each underlying pod.
# TYPE inference_pool_per_pod_queue_size gauge
inference_pool_per_pod_queue_size{model_server_pod="default/pod1-rank-0",name="pool"} 100`,
  `# HELP inference_extension_scheduler_e2e_duration_seconds [ALPHA] [Deprecated: Use llm_d_epp_scheduler_e2e_duration_seconds] End-to-end scheduling latency distribution in seconds.
# TYPE inference_extension_scheduler_e2e_duration_seconds histogram
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.0001"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.0002"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.0005"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.001"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.002"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.005"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.01"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.02"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.05"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="0.1"} 1
inference_extension_scheduler_e2e_duration_seconds_bucket{le="+Inf"} 1
inference_extension_scheduler_e2e_duration_seconds_sum 3e-05
inference_extension_scheduler_e2e_duration_seconds_count 1`,
  `# HELP inference_extension_scheduler_attempts_total [ALPHA] [Deprecated: Use llm_d_epp_scheduler_attempts_total] Total number of scheduling attempts.
# TYPE inference_extension_scheduler_attempts_total counter
inference_extension_scheduler_attempts_total{namespace="ns",pod_name="pod1",port="8000",status="success",target_model_name="t10"} 1`,
  `# HELP inference_extension_info [ALPHA] General information of the current build of Inference Extension.
# TYPE inference_extension_info gauge
inference_extension_info{build_ref="v1",commit="abc"} 1`,
  `# HELP llm_d_epp_encoder_cache_hits_total [ALPHA] Total number of multimodal item hash lookups that found a match in the encoder-cache affinity LRU, by endpoint.
# TYPE llm_d_epp_encoder_cache_hits_total counter
llm_d_epp_encoder_cache_hits_total{modality="image",plugin_name="mm",plugin_type="mm",pod="p"} 1`,
];

describe('the exposition', () => {
  test.each(golden.map((block) => [block.split(' ')[2] ?? '', block]))(
    '%s is llm-d’s, byte for byte',
    async (name, block) => {
      expect(blockOf(await observed(), name)).toBe(block);
    },
  );

  test('has every name once', () => {
    const names = endpointPickerMetrics.flatMap(({ name, legacyTwins = [] }) => [
      name,
      ...legacyTwins.map((twin) => twin.name),
    ]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  test('keeps clients from inventing series without end', async () => {
    const metrics = createPrometheusMetrics({ labelLimits: clientLabelLimits });
    for (let i = 0; i < 1200; i++) {
      metrics.counter(requestTotal, { ...flow(`f-${i}`), model_name: `m-${i}` }).inc();
    }
    const text = await metrics.expose();
    const values = (label: string) =>
      new Set(
        Array.from(text.matchAll(new RegExp(`${label}="([^"]+)"`, 'g')), ([, value]) => value),
      );
    // One of the thousand model names is the target's.
    expect([values('fairness_id').size, values('{model_name').size]).toEqual([1001, 1000]);
    expect(text).toMatch(
      /fairness_id="other",model_name="other",priority="0",target_model_name="t10"} 200$/m,
    );
  });
});

test('former names are llm-d’s', () => {
  const former = endpointPickerMetrics.flatMap(({ legacyTwins = [] }) =>
    legacyTwins.map(({ name, labels }) => `${name}: ${Object.keys(labels).join(' ')}`),
  );
  expect(former.sort()).toEqual(
    `inference_extension_flow_control_dispatch_cycle_duration_seconds: 
inference_extension_flow_control_pool_saturation: inference_pool stage
inference_extension_flow_control_queue_bytes: fairness_id priority inference_pool model_name target_model_name
inference_extension_flow_control_queue_size: fairness_id priority inference_pool model_name target_model_name
inference_extension_flow_control_request_enqueue_duration_seconds: fairness_id priority outcome
inference_extension_flow_control_request_queue_duration_seconds: fairness_id priority outcome inference_pool model_name target_model_name
inference_extension_info: commit build_ref
inference_extension_model_rewrite_decisions_total: model_rewrite_name model_name target_model
inference_extension_plugin_duration_seconds: extension_point plugin_type plugin_name
inference_extension_prefix_indexer_hit_bytes: 
inference_extension_prefix_indexer_hit_ratio: 
inference_extension_prefix_indexer_size: 
inference_extension_scheduler_attempts_total: status target_model_name pod_name namespace port
inference_extension_scheduler_e2e_duration_seconds: 
inference_objective_inference_request_metric: model_name target_model_name type
inference_objective_input_tokens: model_name target_model_name
inference_objective_normalized_time_per_output_token_seconds: model_name target_model_name
inference_objective_output_tokens: model_name target_model_name
inference_objective_prompt_cached_tokens: model_name target_model_name
inference_objective_request_duration_seconds: model_name target_model_name
inference_objective_request_error_total: model_name target_model_name error_code
inference_objective_request_predicted_tpot_seconds: model_name target_model_name
inference_objective_request_predicted_ttft_seconds: model_name target_model_name
inference_objective_request_sizes: model_name target_model_name
inference_objective_request_slo_violation_total: model_name target_model_name type
inference_objective_request_total: model_name target_model_name priority
inference_objective_request_tpot_prediction_duration_seconds: model_name target_model_name
inference_objective_request_tpot_seconds: model_name target_model_name
inference_objective_request_ttft_prediction_duration_seconds: model_name target_model_name
inference_objective_request_ttft_seconds: model_name target_model_name
inference_objective_response_sizes: model_name target_model_name
inference_objective_running_requests: model_name
inference_pool_average_kv_cache_utilization: name
inference_pool_average_queue_size: name
inference_pool_average_running_requests: name
inference_pool_per_pod_queue_size: name model_server_pod
inference_pool_ready_pods: name
kvcache_index_admissions_total: 
kvcache_index_evictions_total: 
kvcache_index_lookup_hits_total: 
kvcache_index_lookup_latency_seconds: 
kvcache_index_lookup_requests_total: 
kvcache_index_max_pod_hit_count_total: 
llm_d_inference_scheduler_datalayer_extract_errors_total: source_type extractor_type
llm_d_inference_scheduler_datalayer_poll_errors_total: source_type
llm_d_inference_scheduler_disagg_decision_total: model_name decision_type
llm_d_inference_scheduler_pd_decision_total: model_name decision_type`.split('\n'),
  );
});
