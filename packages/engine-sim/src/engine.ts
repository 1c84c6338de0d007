// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import { createPrefixHasher, type PrefixHasher } from '@llm-d/kv-index';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import { planAnswer } from './answer.ts';
import { Batch } from './batch.ts';
import { BlockKeys } from './block-keys.ts';
import type { BlockCounts } from './block-pool.ts';
import { cacheContents, prefixMedia, type TierContents } from './cache-contents.ts';
import { settleConfig, type EngineConfig, type SettledConfig } from './engine-config.ts';
import type { KvEvent } from './kv-events/kv-event.ts';
import type { OffloadOptions } from './offload/offload-options.ts';
import { OffloadTiers } from './offload/offload-tiers.ts';
import type { EngineProfile } from './profile.ts';
import type {
  EngineRequest,
  FinishReason,
  RefusalReason,
  SequenceSink,
  SubmitResult,
} from './request.ts';
import { Sequence, resultOf } from './sequence.ts';
import { defaultLatencySettings, stepTimeMs, type LatencySettings } from './step-time.ts';

/** A finished step. The same object is given again for the next step: read it, do not keep it. */
export interface StepRecord {
  /** Steps since the start, from 1. */
  step: number;
  startMs: number;
  endMs: number;
  prefillTokens: number;
  decodeSequences: number;
  /** Tokens that the step generated. */
  generatedTokens: number;
  /** Sequences preempted when the step was planned. */
  preemptions: number;
  /** After the step. */
  running: number;
  waiting: number;
}

/** What an engine looks like at an instant. Totals count from its start. */
export interface EngineSnapshot {
  readonly running: number;
  /** Requests that wait, the deferred ones included. */
  readonly waiting: number;
  /** Of these, requests that wait for a place among the adapters, or for blocks to come from offload tiers. */
  readonly deferred: number;
  /** Share of the KV blocks that sequences hold, 0 to 1. */
  readonly kvUsage: number;
  readonly blocks: BlockCounts;
  readonly prefixCacheQueriesTokens: number;
  readonly prefixCacheHitsTokens: number;
  /** The same of offload tiers: asked for what the accelerator's memory lacks. 0 without any. */
  readonly offloadQueriesTokens: number;
  readonly cpuHitsTokens: number;
  readonly sharedHitsTokens: number;
  readonly preemptions: number;
  readonly steps: number;
  readonly loadedLoras: readonly string[];
  /** Adapters of running and of waiting requests, each once, in order of first use. */
  readonly runningLoras: readonly string[];
  readonly waitingLoras: readonly string[];
}

export interface EngineOptions {
  readonly profile: EngineProfile;
  readonly clock: Clock;
  /** Draws answers. */
  readonly random: Random;
  readonly config?: EngineConfig;
  /** Caches behind the accelerator's memory. Default none. */
  readonly offload?: OffloadOptions;
  /** Hashes blocks. Default: one of its own; engines of one thread can share. */
  readonly hasher?: PrefixHasher;
  readonly telemetry?: Telemetry;
  /** Called after each step's sinks, in the same turn of the event loop. */
  readonly onStep?: (record: Readonly<StepRecord>) => void;
  /**
   * Called at the end of a step, before its sinks, with what has changed in the caches since the call before. A reset is
   * told with the next step, as vLLM does. Without it events cost nothing.
   */
  readonly onKvEvents?: (events: readonly KvEvent[]) => void;
}

export interface ResetOptions {
  /** Empties host memory too. Shared storage is never emptied. Default false. */
  readonly offload?: boolean;
  /** False: nobody is told, and what has yet to be told never is, as when a process dies. Default true. */
  readonly announce?: boolean;
}

type PrefixFields = 'promptTokens' | 'lora' | 'cacheSalt' | 'media';

/** A simulated vLLM engine. */
export interface Engine {
  /** The config in force, every default applied. */
  readonly config: SettledConfig;
  submit(request: EngineRequest, sink: SequenceSink): SubmitResult;
  snapshot(): EngineSnapshot;
  /** Changes the given settings from the next step on. */
  setLatency(settings: Partial<LatencySettings>): void;
  latency(): LatencySettings;
  /** Makes an adapter known; false if it already was. */
  loadLora(name: string): boolean;
  /** Forgets an adapter, false if it is unknown. Accepted requests for it still run. */
  unloadLora(name: string): boolean;
  /** Empties the prefix cache; false, changing nothing, while sequences hold blocks. As in vLLM. */
  resetPrefixCache(options?: ResetOptions): boolean;
  /** What the caches truly hold. Walks through all of it: for tests and debugging. */
  cacheContents(): readonly TierContents[];
  /** Of a prompt's leading whole blocks that need not be computed, the caches that have them (the fastest of each). */
  cachedPrefix(request: Pick<EngineRequest, PrefixFields>): readonly string[];
  /** Aborts everything and refuses what comes. Leaves no timer behind. */
  stop(): void;
}

/** An engine that has fallen behind the clock by more than this does not try to make up for it. */
const MAX_LAG_MS = 100;
/** Steps made up for in one turn of the event loop. */
const MAX_STEPS_PER_TURN = 64;

/**
 * An engine that works in steps on `clock`: wall time and virtual time run the same code. Steps follow each other on an
 * ideal time line, so that late timers (a wall clock's have a granularity of 1 ms) do not slow the engine down.
 */
export function createEngine(options: EngineOptions): Engine {
  return new StepLoop(options);
}

class StepLoop implements Engine {
  readonly config: SettledConfig;
  readonly #options: EngineOptions;
  readonly #telemetry: Telemetry;
  readonly #keys: BlockKeys;
  readonly #batch: Batch;
  readonly #offload: OffloadTiers | undefined;
  readonly #events: KvEvent[] = [];
  /** Adapters by name, with their numbers. */
  readonly #loras = new Map<string, number>();
  #lastLoraId = 0;
  readonly #generated: Sequence[] = [];
  readonly #record: StepRecord = {
    step: 0,
    startMs: 0,
    endMs: 0,
    prefillTokens: 0,
    decodeSequences: 0,
    generatedTokens: 0,
    preemptions: 0,
    running: 0,
    waiting: 0,
  };
  /** All sequences that have not ended. */
  readonly #living = new Set<Sequence>();
  #latency: LatencySettings = defaultLatencySettings;
  #timer: Timer | undefined;
  /** True from waking up until the step loop finds nothing to do. */
  #busy = false;
  #stopped = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.config = settleConfig(options.profile, options.config ?? {});
    this.#telemetry = options.telemetry ?? noopTelemetry;
    const hasher = options.hasher ?? createPrefixHasher();
    this.#keys = new BlockKeys({ ...this.config, hasher });
    const events = options.onKvEvents === undefined ? undefined : this.#events;
    this.#offload =
      options.offload && new OffloadTiers(options.offload, { ...this.config, events });
    this.#batch = new Batch(this.config, { events, offload: this.#offload });
  }

  submit(request: EngineRequest, sink: SequenceSink): SubmitResult {
    const reason = this.#refusal(request);
    if (reason !== undefined) return { kind: 'refused', reason };
    const sequence = this.#createSequence(request, sink);
    this.#living.add(sequence);
    if (this.#latency.extraTtftMs > 0) {
      sequence.delay = this.#options.clock.schedule(this.#latency.extraTtftMs, () => {
        sequence.delay = undefined;
        this.#enqueue(sequence);
      });
    } else {
      this.#enqueue(sequence);
    }
    return {
      kind: 'accepted',
      cachedTokens: () => sequence.cachedTokens,
      offloadedTokens: () => sequence.offloadedTokens,
      abort: () => {
        this.#abort(sequence);
      },
    };
  }

  snapshot(): EngineSnapshot {
    const { pool, running, cacheQueries, cacheHits, preemptions } = this.#batch;
    const { offloadQueries, cpuHits, sharedHits } = this.#batch;
    const waiting = [...this.#living].filter(
      ({ state }) => state === 'waiting' || state === 'loading',
    );
    const blocks = pool.counts();
    return {
      running: running.length,
      waiting: waiting.length,
      deferred: waiting.filter((sequence) => this.#batch.isDeferred(sequence)).length,
      kvUsage: blocks.used / blocks.total,
      blocks,
      prefixCacheQueriesTokens: cacheQueries,
      prefixCacheHitsTokens: cacheHits,
      offloadQueriesTokens: offloadQueries,
      cpuHitsTokens: cpuHits,
      sharedHitsTokens: sharedHits,
      preemptions,
      steps: this.#record.step,
      loadedLoras: [...this.#loras.keys()],
      runningLoras: lorasOf(running),
      waitingLoras: lorasOf(waiting),
    };
  }

  setLatency(settings: Partial<LatencySettings>): void {
    this.#latency = { ...this.#latency, ...settings };
  }

  latency(): LatencySettings {
    return this.#latency;
  }

  loadLora(name: string): boolean {
    if (this.#loras.has(name)) return false;
    this.#loras.set(name, ++this.#lastLoraId);
    return true;
  }

  unloadLora(name: string): boolean {
    return this.#loras.delete(name);
  }

  resetPrefixCache({ offload = false, announce = true }: ResetOptions = {}): boolean {
    const cleared = this.#batch.clearCache({ offload });
    if (cleared && !announce) this.#events.length = 0;
    return cleared;
  }

  cacheContents(): readonly TierContents[] {
    return cacheContents(this.#batch.pool, this.#offload);
  }

  cachedPrefix(request: Pick<EngineRequest, PrefixFields>): readonly string[] {
    return prefixMedia(this.#keys.of(request), this.#batch.pool, this.#offload);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const sequence of [...this.#living]) this.#abort(sequence);
  }

  #refusal(request: EngineRequest): RefusalReason | undefined {
    if (this.#stopped) return 'stopped';
    if (request.promptTokens.length === 0 || (request.maxTokens ?? 1) < 1) return 'invalid';
    if (request.lora !== undefined && !this.#loras.has(request.lora)) return 'unknown_lora';
    if (request.promptTokens.length + 1 > this.config.maxModelLen) return 'prompt_too_long';
    const waiting = this.#living.size - this.#batch.running.length;
    return waiting >= this.config.maxWaitingRequests ? 'overloaded' : undefined;
  }

  #createSequence(request: EngineRequest, sink: SequenceSink): Sequence {
    const { promptTokens } = request;
    const room = this.config.maxModelLen - promptTokens.length;
    const answer = planAnswer(request, this.#options.random, {
      mode: this.config.mode,
      meanOutputTokens: this.config.meanOutputTokens,
      limit: Math.min(request.maxTokens ?? room, room),
    });
    const total = promptTokens.length + answer.tokens.length;
    return new Sequence({
      request,
      loraId: (request.lora === undefined ? undefined : this.#loras.get(request.lora)) ?? null,
      sink,
      output: answer.tokens,
      plannedFinish: answer.finish,
      keys: this.config.enablePrefixCaching ? this.#keys.of(request, answer.tokens) : NO_KEYS,
      maxBlocks: Math.ceil(total / this.config.blockSizeTokens),
      arrivedMs: this.#options.clock.nowMs(),
    });
  }

  #enqueue(sequence: Sequence): void {
    this.#batch.waiting.pushBack(sequence);
    if (this.#busy) return;
    this.#busy = true;
    // It may be waiting for a load.
    this.#timer?.cancel();
    const startMs = this.#options.clock.nowMs();
    // Not at once: requests that arrive at the same instant share the first step.
    this.#timer = this.#options.clock.schedule(0, () => {
      this.#begin(startMs);
      this.#sleep();
    });
  }

  /** Plans the step that starts at `startMs`, or goes idle. */
  #begin(startMs: number): void {
    const preemptionsBefore = this.#batch.preemptions;
    this.#busy = this.#batch.plan(startMs);
    if (!this.#busy) return;
    const record = this.#record;
    const { work, running } = this.#batch;
    record.step++;
    record.startMs = startMs;
    record.endMs = startMs + this.#durationMs(running.length);
    record.prefillTokens = work.prefillTokens;
    record.decodeSequences = work.decodeSequences;
    record.preemptions = this.#batch.preemptions - preemptionsBefore;
  }

  #durationMs(running: number): number {
    const { maxNumSeqs, timeScale } = this.config;
    const { timeFactorUnderLoad } = this.#latency;
    const fullness = maxNumSeqs > 1 ? (running - 1) / (maxNumSeqs - 1) : 0;
    const load = 1 + (timeFactorUnderLoad - 1) * fullness;
    const ms = stepTimeMs(this.#options.profile.step, this.#batch.work, this.#latency);
    return (ms * load) / timeScale;
  }

  /** Until the step under way ends, or else the next load; without either until the next request. */
  #sleep(): void {
    const { clock } = this.#options;
    const loadedMs = this.#busy ? Infinity : this.#batch.nextLoadedMs;
    if (this.#busy) {
      this.#timer = clock.schedule(this.#record.endMs - clock.nowMs(), () => {
        this.#turn();
      });
    } else if (loadedMs < Infinity) {
      this.#timer = clock.schedule(loadedMs - clock.nowMs(), () => {
        this.#begin(this.#onTimeLine(loadedMs));
        this.#sleep();
      });
    } else this.#timer = undefined;
  }

  /** The instant that something was due, unless the engine has fallen behind too far. */
  #onTimeLine(dueMs: number): number {
    const nowMs = this.#options.clock.nowMs();
    return nowMs - dueMs > MAX_LAG_MS ? nowMs : dueMs;
  }

  /** Finishes the step under way and any that should have ended meanwhile. */
  #turn(): void {
    for (let steps = 0; steps < MAX_STEPS_PER_TURN; steps++) {
      this.#finishStep();
      if (this.#stopped) return;
      this.#begin(this.#onTimeLine(this.#record.endMs));
      if (!this.#busy || this.#record.endMs > this.#options.clock.nowMs()) break;
    }
    this.#sleep();
  }

  #finishStep(): void {
    const generated = this.#generated;
    this.#batch.complete(generated);
    this.#publishEvents();
    for (const sequence of generated) this.#deliver(sequence);
    const record = this.#record;
    record.generatedTokens = generated.length;
    record.running = this.#batch.running.length;
    record.waiting = this.#living.size - record.running;
    generated.length = 0;
    this.#options.onStep?.(record);
  }

  #deliver(sequence: Sequence): void {
    // A sink called earlier in this step may have aborted this one.
    if (sequence.reported) return;
    if (sequence.firstTokenMs === undefined) sequence.firstTokenMs = this.#record.endMs;
    if (sequence.reportsTokens) this.#reportToken(sequence);
    if (sequence.state !== 'finished') return;
    this.#end(sequence, sequence.plan.plannedFinish, this.#record.endMs);
  }

  #reportToken(sequence: Sequence): void {
    const index = sequence.generated - 1;
    try {
      sequence.plan.sink.onToken?.(sequence.plan.output[index] ?? 0, index);
    } catch (error) {
      this.#telemetry.logger.error('a sink failed', { error });
      this.#abort(sequence);
    }
  }

  #abort(sequence: Sequence): void {
    if (sequence.reported) return;
    sequence.delay?.cancel();
    if (sequence.state !== 'finished') this.#batch.remove(sequence);
    this.#end(sequence, 'abort', this.#options.clock.nowMs());
  }

  /** Reports the end, unless that has been done. */
  #end(sequence: Sequence, reason: FinishReason, atMs: number): void {
    if (sequence.reported) return;
    sequence.reported = true;
    this.#living.delete(sequence);
    try {
      sequence.plan.sink.onFinish(resultOf(sequence, reason, atMs));
    } catch (error) {
      this.#telemetry.logger.error('a sink failed', { error });
    }
  }

  #publishEvents(): void {
    if (this.#events.length === 0) return;
    const batch = this.#events.splice(0);
    this.#options.onKvEvents?.(batch);
  }
}

const NO_KEYS = new Float64Array(0);

function lorasOf(sequences: readonly Sequence[]): string[] {
  const names = new Set<string>();
  for (const { plan } of sequences) {
    if (plan.request.lora !== undefined) names.add(plan.request.lora);
  }
  return [...names];
}
