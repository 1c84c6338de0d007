// SPDX-License-Identifier: Apache-2.0

/** What a fake engine says about itself. */
export interface EngineLoad {
  readonly waiting: number;
  readonly running: number;
  /** 0 to 1. */
  readonly kvUsage: number;
  /** Undefined: the engine serves no adapters and says nothing about them. */
  readonly lora:
    | {
        readonly running: readonly string[];
        readonly waiting: readonly string[];
        readonly max: number;
      }
    | undefined;
}

/** An engine with nothing to do. */
export const IDLE: EngineLoad = { waiting: 0, running: 0, kvUsage: 0, lora: undefined };

/** Blocks that every fake engine has, large enough for all prompts of a run. */
const BLOCKS = 100_000;

/** The lines of vLLM's `/metrics` that schedulers read, with their comments. */
export function vllmExposition(
  { waiting, running, kvUsage, lora }: EngineLoad,
  epochSeconds: number,
): string {
  const engine = 'engine="0",model_name="test-model"';
  const lines = [
    ...gauge('vllm:num_requests_running', 'Number of requests in model execution batches.'),
    `vllm:num_requests_running{${engine}} ${running}`,
    ...gauge('vllm:num_requests_waiting', 'Number of requests waiting to be processed.'),
    `vllm:num_requests_waiting{${engine}} ${waiting}`,
    ...gauge('vllm:kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.'),
    `vllm:kv_cache_usage_perc{${engine}} ${kvUsage}`,
    ...gauge('vllm:cache_config_info', 'Information of the LLMEngine CacheConfig'),
    `vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="${BLOCKS}"} 1`,
  ];
  if (lora !== undefined) {
    const labels = [
      `max_lora="${lora.max}"`,
      `running_lora_adapters="${lora.running.join(',')}"`,
      `waiting_lora_adapters="${lora.waiting.join(',')}"`,
    ];
    lines.push(
      ...gauge('vllm:lora_requests_info', 'Running stats on lora requests.'),
      `vllm:lora_requests_info{${labels.join(',')}} ${epochSeconds}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

const gauge = (name: string, help: string): readonly string[] => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} gauge`,
];
