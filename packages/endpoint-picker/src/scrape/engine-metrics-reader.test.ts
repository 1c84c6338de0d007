import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { engineMappings, type EngineMapping } from './engine-mapping.ts';
import { createEngineMetricsReader } from './engine-metrics-reader.ts';

const captured = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url));
const read = (engine: string, text: string | Buffer) =>
  createEngineMetricsReader(engineMappings[engine] as EngineMapping).read(Buffer.from(text), 5);

describe('engine metrics', () => {
  test('of a vLLM under load', () => {
    expect(read('vllm', captured('vllm-0.32-under-load.txt'))).toEqual({
      waitingRequests: 60,
      runningRequests: 7,
      kvCacheUsage: 0.9448818897637795,
      kvBlockSizeTokens: 16,
      kvBlocks: 128,
      activeLoras: ['tiny-lora'],
      waitingLoras: ['tiny-lora'],
      maxLoras: 2,
      custom: {},
      updatedAtMs: 5,
    });
  });

  test('of an idle vLLM without LoRA', () => {
    expect(read('vllm', captured('vllm-0.32-idle.txt'))).toMatchObject({
      waitingRequests: 0,
      runningRequests: 0,
      kvCacheUsage: 0,
      maxLoras: 0,
      activeLoras: [],
    });
  });

  test.each([
    [
      'sglang',
      'sglang:num_queue_reqs{a="b"} 3\nsglang:num_running_reqs 4\nsglang:token_usage 0.5\nsglang:cache_config_info{page_size="1",num_pages="900"} 1\n',
      [3, 4, 0.5, 1, 900],
    ],
    [
      'trtllm-serve',
      'trtllm_num_requests_waiting 1\ntrtllm_num_requests_running 2\ntrtllm_kv_cache_utilization 0.25\ntrtllm_kv_cache_tokens_per_block 32\ntrtllm_kv_cache_max_blocks 7\n',
      [1, 2, 0.25, 32, 7],
    ],
    [
      'triton-tensorrt-llm',
      'nv_trt_llm_request_metrics{request_type="waiting"} 5\nnv_trt_llm_request_metrics{request_type="scheduled"} 6\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction"} 0.75\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per"} 64\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max"} 9\n',
      [5, 6, 0.75, 64, 9],
    ],
    [
      'triton',
      'nv_inference_pending_request_count 8\nnv_inference_exec_count 2\n',
      [8, 2, 0, undefined, undefined],
    ],
  ])('of %s', (engine, text, [waiting, running, usage, blockSize, blocks]) => {
    expect(read(engine, text)).toMatchObject({
      waitingRequests: waiting,
      runningRequests: running,
      kvCacheUsage: usage,
      kvBlockSizeTokens: blockSize,
      kvBlocks: blocks,
    });
  });

  test('several data-parallel engines behind one port add up, their cache usage is averaged', () => {
    const text =
      'vllm:num_requests_waiting{engine="0"} 1\nvllm:num_requests_waiting{engine="1"} 2\nvllm:kv_cache_usage_perc{engine="0"} 0.2\nvllm:kv_cache_usage_perc{engine="1"} 0.4\n';
    const metrics = read('vllm', text);
    expect(metrics.waitingRequests).toBe(3);
    expect(metrics.kvCacheUsage).toBeCloseTo(0.3);
  });
});
