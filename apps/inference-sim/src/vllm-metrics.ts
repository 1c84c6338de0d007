// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Engine, SequenceResult, StepRecord } from '@llm-d/engine-sim';
import { header, sample, type LabelPairs } from './prometheus-text.ts';
import { createHistograms } from './vllm-histograms.ts';

/** Label sets of `vllm:lora_requests_info` that are kept. */
const MAX_LORA_SERIES = 256;

export interface VllmMetricsOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly modelName: string;
  /** Data-parallel rank of the engine. */
  readonly rank: number;
  /** Most adapters in a batch; undefined when adapters are not enabled, which hides their metric. */
  readonly maxLoras: number | undefined;
}

/** vLLM's metrics, counted from what the engine does, in the text vLLM 0.32 exposes them in. */
export class VllmMetrics {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #maxLoras: number | undefined;
  readonly #labels: { readonly engine: string; readonly model_name: string };
  readonly #createdSeconds: number;
  readonly #finished = new Map<string, number>(
    ['stop', 'length', 'abort', 'error', 'repetition'].map((reason) => [reason, 0]),
  );
  #promptTokens = 0;
  #cachedTokens = 0;
  #offloadedTokens = 0;
  #generationTokens = 0;
  #rejections = 0;
  /** Label sets exposed so far with the time of the last exposition: vLLM keeps old ones too. Bounded. */
  readonly #loraInfo = new Map<string, { readonly labels: LabelPairs; readonly seconds: number }>();

  readonly #histograms: ReturnType<typeof createHistograms>;

  constructor(options: VllmMetricsOptions) {
    this.#engine = options.engine;
    this.#clock = options.clock;
    this.#maxLoras = options.maxLoras;
    this.#labels = { engine: String(options.rank), model_name: options.modelName };
    this.#createdSeconds = options.clock.epochMs() / 1000;
    this.#histograms = createHistograms(options.engine.config.maxModelLen);
  }

  /** Follows the tokens of one sequence. */
  sequence(prompt: {
    readonly tokens: number;
    cachedTokens(): number;
    offloadedTokens(): number;
  }): { token(): void } {
    const arrivedMs = this.#clock.nowMs();
    let lastMs: number | undefined;
    return {
      token: () => {
        const nowMs = this.#clock.nowMs();
        if (lastMs === undefined) {
          this.#histograms.firstToken.observe((nowMs - arrivedMs) / 1000);
          this.#promptTokens += prompt.tokens;
          this.#cachedTokens += prompt.cachedTokens();
          this.#offloadedTokens += prompt.offloadedTokens();
        } else this.#histograms.interToken.observe((nowMs - lastMs) / 1000);
        lastMs = nowMs;
      },
    };
  }

  step(record: Readonly<StepRecord>): void {
    this.#histograms.iterations.observe(record.prefillTokens + record.decodeSequences);
    this.#generationTokens += record.generatedTokens;
  }

  /** A request that the full queue refused. */
  rejected(): void {
    this.#rejections++;
  }

  /** A sequence that ended. Aborted ones are not counted, as in vLLM. */
  finished(result: SequenceResult, maxTokens: number | undefined): void {
    if (result.finishReason === 'abort') return;
    const { finishReason, arrivedMs, finishedMs, generatedTokens } = result;
    const admittedMs = result.admittedMs ?? finishedMs;
    const firstTokenMs = result.firstTokenMs ?? finishedMs;
    this.#finished.set(finishReason, (this.#finished.get(finishReason) ?? 0) + 1);
    this.#histograms.promptLengths.observe(result.promptTokens);
    this.#histograms.generationLengths.observe(generatedTokens);
    this.#histograms.maxGenerationLengths.observe(generatedTokens);
    this.#histograms.paramN.observe(1);
    if (maxTokens !== undefined) this.#histograms.paramMaxTokens.observe(maxTokens);
    this.#histograms.endToEnd.observe((finishedMs - arrivedMs) / 1000);
    this.#histograms.queue.observe((admittedMs - arrivedMs) / 1000);
    this.#histograms.inference.observe((finishedMs - admittedMs) / 1000);
    this.#histograms.prefill.observe((firstTokenMs - admittedMs) / 1000);
    this.#histograms.decode.observe((finishedMs - firstTokenMs) / 1000);
    const gaps = generatedTokens - 1;
    this.#histograms.perOutputToken.observe(
      gaps > 0 ? (finishedMs - firstTokenMs) / 1000 / gaps : 0,
    );
    this.#histograms.preemptions.observe(result.preemptions);
    this.#histograms.computed.observe(result.promptTokens - result.cachedTokens);
  }

  /** The text of `/metrics`. */
  expose(): string {
    const histograms = Object.values(this.#histograms).map((histogram) =>
      histogram.expose(this.#labels, this.#createdSeconds),
    );
    return (
      this.#gauges() + this.#counters() + histograms.join('') + this.#loras() + this.#cacheConfig()
    );
  }

  #gauges(): string {
    const snapshot = this.#engine.snapshot();
    const gauge = (name: string, help: string, value: number): string =>
      header(name, help, 'gauge') + sample(name, this.#labels, value);
    const split = (
      name: string,
      help: string,
      label: string,
      values: Record<string, number>,
    ): string => header(name, help, 'gauge') + this.#split(name, label, values);
    return (
      gauge(
        'vllm:num_requests_running',
        'Number of requests in model execution batches.',
        snapshot.running,
      ) +
      gauge(
        'vllm:num_requests_waiting',
        'Number of requests waiting to be processed.',
        snapshot.waiting,
      ) +
      split(
        'vllm:num_requests_waiting_by_reason',
        "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; " +
          "'deferred' = deferred by transient constraints (LoRA budget, KV transfer, blocked status). " +
          'Sum of all reasons equals vllm:num_requests_waiting.',
        'reason',
        { capacity: snapshot.waiting - snapshot.deferred, deferred: snapshot.deferred },
      ) +
      split(
        'vllm:engine_sleep_state',
        'Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; ' +
          'weights_offloaded = 1 means sleep level 1; discard_all = 1 means sleep level 2.',
        'sleep_state',
        { awake: 1, weights_offloaded: 0, discard_all: 0 },
      ) +
      gauge(
        'vllm:kv_cache_usage_perc',
        'KV-cache usage. 1 means 100 percent usage.',
        snapshot.kvUsage,
      )
    );
  }

  #counters(): string {
    const snapshot = this.#engine.snapshot();
    const hits = snapshot.prefixCacheHitsTokens;
    const { offloadQueriesTokens, cpuHitsTokens, sharedHitsTokens } = snapshot;
    return (
      this.#counter(
        'prefix_cache_queries',
        'Prefix cache queries, in terms of number of queried tokens.',
        {
          '': snapshot.prefixCacheQueriesTokens,
        },
      ) +
      this.#counter(
        'prefix_cache_hits',
        'Prefix cache hits, in terms of number of cached tokens.',
        { '': hits },
      ) +
      this.#counter(
        'external_prefix_cache_queries',
        'External prefix cache queries from KV connector cross-instance cache sharing, in terms of number of queried tokens.',
        { '': offloadQueriesTokens },
      ) +
      this.#counter(
        'external_prefix_cache_hits',
        'External prefix cache hits from KV connector cross-instance cache sharing, in terms of number of cached tokens.',
        { '': cpuHitsTokens + sharedHitsTokens },
      ) +
      this.#counter('num_preemptions', 'Cumulative number of preemption from the engine.', {
        '': snapshot.preemptions,
      }) +
      this.#counter('prompt_tokens', 'Number of prefill tokens processed.', {
        '': this.#promptTokens,
      }) +
      this.#counter(
        'prompt_tokens_by_source',
        'Number of prompt tokens by source.',
        {
          local_compute: this.#promptTokens - this.#cachedTokens,
          local_cache_hit: this.#cachedTokens - this.#offloadedTokens,
          external_kv_transfer: this.#offloadedTokens,
        },
        'source',
      ) +
      this.#counter('prompt_tokens_cached', 'Number of cached prompt tokens (local + external).', {
        '': this.#cachedTokens,
      }) +
      this.#counter(
        'prompt_tokens_cached_by_source',
        'Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), ' +
          'disk, p2p (transferred from another vLLM instance) or external_unspecified. Counted at admission; ' +
          'sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.',
        {
          ...{ device: hits, host: cpuHitsTokens, p2p: 0 },
          ...{ disk: sharedHitsTokens, external_unspecified: 0 },
        },
        'source',
      ) +
      this.#counter('generation_tokens', 'Number of generation tokens processed.', {
        '': this.#generationTokens,
      }) +
      this.#counter(
        'request_success',
        'Count of successfully processed requests.',
        Object.fromEntries(this.#finished),
        'finished_reason',
      ) +
      this.#rejectionCounter()
    );
  }

  /** The one counter without an engine label. */
  #rejectionCounter(): string {
    const name = 'vllm:admission_rejections';
    const help = 'Number of admission attempts rejected by a queue limit, by reason.';
    const line = (suffix: string, reason: string, value: number) =>
      sample(`${name}_${suffix}`, { model_name: this.#labels.model_name, reason }, value);
    const reasons = ['max_num_queued_reqs', 'max_num_queued_tokens'] as const;
    const counts = { max_num_queued_reqs: this.#rejections, max_num_queued_tokens: 0 };
    return (
      header(`${name}_total`, help, 'counter') +
      reasons.map((reason) => line('total', reason, counts[reason])).join('') +
      header(`${name}_created`, help, 'gauge') +
      reasons.map((reason) => line('created', reason, this.#createdSeconds)).join('')
    );
  }

  /** A counter family with its `_created` twin; `label` tells the values apart, '' if there is one only. */
  #counter(name: string, help: string, values: Record<string, number>, label = ''): string {
    const full = `vllm:${name}`;
    const created = Object.fromEntries(
      Object.keys(values).map((key) => [key, this.#createdSeconds]),
    );
    return (
      header(`${full}_total`, help, 'counter') +
      this.#split(`${full}_total`, label, values) +
      header(`${full}_created`, help, 'gauge') +
      this.#split(`${full}_created`, label, created)
    );
  }

  #split(name: string, label: string, values: Record<string, number>): string {
    return Object.entries(values)
      .map(([key, value]) => {
        const labels = label === '' ? this.#labels : { ...this.#labels, [label]: key };
        return sample(name, sortLabels(labels), value);
      })
      .join('');
  }

  #loras(): string {
    if (this.#maxLoras === undefined) return '';
    const { runningLoras, waitingLoras } = this.#engine.snapshot();
    const labels = {
      max_lora: String(this.#maxLoras),
      running_lora_adapters: runningLoras.join(','),
      waiting_lora_adapters: waitingLoras.join(','),
    };
    const key = JSON.stringify(labels);
    this.#loraInfo.delete(key);
    this.#loraInfo.set(key, { labels, seconds: this.#clock.epochMs() / 1000 });
    const [oldest] = this.#loraInfo.keys();
    if (this.#loraInfo.size > MAX_LORA_SERIES && oldest !== undefined)
      this.#loraInfo.delete(oldest);
    const name = 'vllm:lora_requests_info';
    return (
      header(name, 'Running stats on lora requests.', 'gauge') +
      [...this.#loraInfo.values()].map((info) => sample(name, info.labels, info.seconds)).join('')
    );
  }

  #cacheConfig(): string {
    const { blockSizeTokens, numGpuBlocks, maxModelLen, enablePrefixCaching } = this.#engine.config;
    const size = String(blockSizeTokens);
    const tokens = blockSizeTokens * numGpuBlocks;
    const name = 'vllm:cache_config_info';
    const labels = {
      block_size: size,
      cache_dtype: 'auto',
      effective_attention_block_size: size,
      enable_prefix_caching: enablePrefixCaching ? 'True' : 'False',
      ...{
        engine: this.#labels.engine,
        gpu_memory_utilization: '0.92',
        is_attention_free: 'False',
      },
      kv_cache_max_concurrency: String(tokens / maxModelLen),
      kv_cache_size_tokens: String(tokens),
      num_cpu_blocks: 'None',
      num_gpu_blocks: String(numGpuBlocks),
      num_gpu_blocks_override: 'None',
      prefix_caching_hash_algo: 'sha256',
      sliding_window: 'None',
    };
    return (
      header(name, 'Information of the LLMEngine CacheConfig', 'gauge') +
      sample(name, sortLabels(labels), 1)
    );
  }
}

function sortLabels(labels: LabelPairs): LabelPairs {
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
