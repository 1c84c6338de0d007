// SPDX-License-Identifier: Apache-2.0
import { Distribution, header, sample, type LabelPairs } from './prometheus-text.ts';

const LATENCY = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const TOKEN_LATENCY = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
];
const ITERATION = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/** 1, 2, 5, 10, ... up to `max`: vLLM's bounds for token counts. */
function tokenBounds(max: number): number[] {
  const bounds: number[] = [];
  for (let decade = 1; decade <= max; decade *= 10) {
    bounds.push(...[1, 2, 5].map((digit) => digit * decade).filter((bound) => bound <= max));
  }
  return bounds;
}

/** vLLM's histograms, empty; `maxModelLen` bounds those of token counts. */
export function createHistograms(maxModelLen: number) {
  const tokens = tokenBounds(maxModelLen);
  return {
    promptLengths: new Histogram(
      'vllm:request_prompt_tokens',
      'Number of prefill tokens processed.',
      tokens,
    ),
    generationLengths: new Histogram(
      'vllm:request_generation_tokens',
      'Number of generation tokens processed.',
      tokens,
    ),
    iterations: new Histogram(
      'vllm:iteration_tokens_total',
      'Histogram of number of tokens per engine_step.',
      ITERATION,
    ),
    maxGenerationLengths: new Histogram(
      'vllm:request_max_num_generation_tokens',
      'Histogram of maximum number of requested generation tokens.',
      tokens,
    ),
    paramN: new Histogram(
      'vllm:request_params_n',
      'Histogram of the n request parameter.',
      [1, 2, 5, 10, 20],
    ),
    paramMaxTokens: new Histogram(
      'vllm:request_params_max_tokens',
      'Histogram of the max_tokens request parameter.',
      tokens,
    ),
    firstToken: new Histogram(
      'vllm:time_to_first_token_seconds',
      'Histogram of time to first token in seconds.',
      FIRST_TOKEN,
    ),
    interToken: new Histogram(
      'vllm:inter_token_latency_seconds',
      'Histogram of inter-token latency in seconds.',
      TOKEN_LATENCY,
    ),
    perOutputToken: new Histogram(
      'vllm:request_time_per_output_token_seconds',
      'Histogram of time_per_output_token_seconds per request.',
      TOKEN_LATENCY,
    ),
    endToEnd: new Histogram(
      'vllm:e2e_request_latency_seconds',
      'Histogram of e2e request latency in seconds.',
      LATENCY,
    ),
    queue: new Histogram(
      'vllm:request_queue_time_seconds',
      'Histogram of time spent in WAITING phase for request.',
      LATENCY,
    ),
    inference: new Histogram(
      'vllm:request_inference_time_seconds',
      'Histogram of time spent in RUNNING phase for request.',
      LATENCY,
    ),
    prefill: new Histogram(
      'vllm:request_prefill_time_seconds',
      'Histogram of time spent in PREFILL phase for request.',
      LATENCY,
    ),
    decode: new Histogram(
      'vllm:request_decode_time_seconds',
      'Histogram of time spent in DECODE phase for request.',
      LATENCY,
    ),
    preemptions: new Histogram(
      'vllm:request_num_preemptions',
      'Histogram of the number of times a request was preempted.',
      [1, 2, 3, 4, 5, 10, 20],
    ),
    computed: new Histogram(
      'vllm:request_prefill_kv_computed_tokens',
      'Histogram of new KV tokens computed during prefill (excluding cached tokens).',
      tokens,
    ),
  };
}

/** A distribution with its name and description. */
export class Histogram {
  readonly #name: string;
  readonly #help: string;
  readonly #values: Distribution;

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.#name = name;
    this.#help = help;
    this.#values = new Distribution(bounds);
  }

  observe(value: number): void {
    this.#values.observe(value);
  }

  /** The family and its `_created` twin. */
  expose(labels: LabelPairs, createdSeconds: number): string {
    return (
      header(this.#name, this.#help, 'histogram') +
      this.#values.expose(this.#name, labels) +
      header(`${this.#name}_created`, this.#help, 'gauge') +
      sample(`${this.#name}_created`, labels, createdSeconds)
    );
  }
}
