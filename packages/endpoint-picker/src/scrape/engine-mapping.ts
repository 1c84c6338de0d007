// SPDX-License-Identifier: Apache-2.0
import { parseMetricSpec, type MetricSpec } from './metric-spec.ts';

/** Which metrics of an engine say what. Undefined: the engine does not say. */
export interface EngineMapping {
  readonly waitingRequests: MetricSpec | undefined;
  readonly runningRequests: MetricSpec | undefined;
  readonly kvCacheUsage: MetricSpec | undefined;
  readonly kvBlockSizeTokens: InfoSpec | undefined;
  readonly kvBlocks: InfoSpec | undefined;
  readonly lora: MetricSpec | undefined;
  /** Further scalars by attribute key. */
  readonly custom: Readonly<Record<string, MetricSpec>>;
}

/** A number that is either a metric's value or the text of one of its labels. */
export interface InfoSpec {
  readonly metric: MetricSpec;
  /** Label that carries the number; the value itself where undefined. */
  readonly label: string | undefined;
}

const info = (spec: string, label?: string): InfoSpec => ({ metric: parseMetricSpec(spec), label });

/**
 * The metrics of the engines that llm-d-router v0.10.0 knows, by the value of the pod label
 * `llm-d.ai/engine-type`.
 */
export const engineMappings: Readonly<Record<string, EngineMapping>> = {
  vllm: {
    waitingRequests: parseMetricSpec('vllm:num_requests_waiting'),
    runningRequests: parseMetricSpec('vllm:num_requests_running'),
    kvCacheUsage: parseMetricSpec('vllm:kv_cache_usage_perc'),
    kvBlockSizeTokens: info('vllm:cache_config_info', 'block_size'),
    kvBlocks: info('vllm:cache_config_info', 'num_gpu_blocks'),
    lora: parseMetricSpec('vllm:lora_requests_info'),
    custom: {},
  },
  sglang: {
    waitingRequests: parseMetricSpec('sglang:num_queue_reqs'),
    runningRequests: parseMetricSpec('sglang:num_running_reqs'),
    kvCacheUsage: parseMetricSpec('sglang:token_usage'),
    kvBlockSizeTokens: info('sglang:cache_config_info', 'page_size'),
    kvBlocks: info('sglang:cache_config_info', 'num_pages'),
    lora: undefined,
    custom: {},
  },
  'trtllm-serve': {
    waitingRequests: parseMetricSpec('trtllm_num_requests_waiting'),
    runningRequests: parseMetricSpec('trtllm_num_requests_running'),
    kvCacheUsage: parseMetricSpec('trtllm_kv_cache_utilization'),
    kvBlockSizeTokens: info('trtllm_kv_cache_tokens_per_block'),
    kvBlocks: info('trtllm_kv_cache_max_blocks'),
    lora: undefined,
    custom: {},
  },
  'triton-tensorrt-llm': {
    waitingRequests: parseMetricSpec('nv_trt_llm_request_metrics{request_type=waiting}'),
    runningRequests: parseMetricSpec('nv_trt_llm_request_metrics{request_type=scheduled}'),
    kvCacheUsage: parseMetricSpec(
      'nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=fraction}',
    ),
    kvBlockSizeTokens: info('nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=tokens_per}'),
    kvBlocks: info('nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=max}'),
    lora: undefined,
    custom: {},
  },
  triton: {
    waitingRequests: parseMetricSpec('nv_inference_pending_request_count'),
    runningRequests: parseMetricSpec('nv_inference_exec_count'),
    kvCacheUsage: undefined,
    kvBlockSizeTokens: undefined,
    kvBlocks: undefined,
    lora: undefined,
    custom: {},
  },
};
