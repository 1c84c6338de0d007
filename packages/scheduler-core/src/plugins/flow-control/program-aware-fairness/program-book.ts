// SPDX-License-Identifier: Apache-2.0
import type { Gauge, Metrics } from '@llm-d/telemetry';
import {
  programFairnessIndex,
  programServiceTokens,
  programWaitMilliseconds,
} from '../../../metrics.ts';

export interface ProgramBookOptions {
  /** Time in which half of the service is forgotten; 0 forgets nothing. */
  readonly halfLifeMs: number;
  /** How long a program without requests in flight is remembered; 0 = while there is room. */
  readonly ttlMs: number;
  /** Shortest time between two removals. */
  readonly sweepMs: number;
  readonly maxPrograms: number;
  readonly metrics: Metrics;
}

interface Program {
  /** Weighted tokens, as of `serviceMs`. */
  service: number;
  serviceMs: number;
  inFlight: number;
  dispatched: number;
  totalWaitMs: number;
  /** Clock reading (ms) of its last dispatch or end. */
  activeMs: number;
  /** Undefined where too many programs have series already. */
  readonly gauges: { readonly wait: Gauge; readonly service: Gauge } | undefined;
}

/** Most programs with series of their own: clients choose the names. */
const MAX_SERIES = 1000;
/** What sums of squares that should be 0 may have left from programs that were forgotten. */
const ROUNDING_MS2 = 1e-6;

/** What every program has had of the engines, by fairness id; old service fades. */
export class ProgramBook {
  readonly #options: ProgramBookOptions;
  readonly #index: Gauge;
  /** The one whose activity is oldest in front. */
  readonly #programs = new Map<string, Program>();
  #series = 0;
  #sweptMs: number | undefined;
  /** Sum and sum of squares of the mean waits, for the fairness index. */
  #waits = 0;
  #squares = 0;

  constructor(options: ProgramBookOptions) {
    this.#options = options;
    this.#index = options.metrics.gauge(programFairnessIndex, {});
  }

  get size(): number {
    return this.#programs.size;
  }

  /** Weighted tokens that still count. */
  serviceOf(id: string, nowMs: number): number {
    const program = this.#programs.get(id);
    return program === undefined ? 0 : this.#faded(program, nowMs);
  }

  dispatched(id: string, { waitedMs, nowMs }: { waitedMs: number; nowMs: number }): void {
    const program = this.#touch(id, nowMs);
    this.#forgetWait(program);
    program.inFlight++;
    program.dispatched++;
    program.totalWaitMs += waitedMs;
    this.#countWait(program);
    program.gauges?.wait.set(meanWait(program));
    this.#sweep(nowMs);
  }

  ended(id: string, { tokens, nowMs }: { tokens: number; nowMs: number }): void {
    const program = this.#touch(id, nowMs);
    program.inFlight = Math.max(0, program.inFlight - 1);
    program.service = this.#faded(program, nowMs) + tokens;
    program.serviceMs = nowMs;
    program.gauges?.service.set(program.service);
    this.#sweep(nowMs);
  }

  #faded({ service, serviceMs }: Program, nowMs: number): number {
    const { halfLifeMs } = this.#options;
    if (halfLifeMs === 0 || service === 0) return service;
    return service * 0.5 ** ((nowMs - serviceMs) / halfLifeMs);
  }

  /** The program, as the one that was active last. */
  #touch(id: string, nowMs: number): Program {
    const program = this.#programs.get(id) ?? this.#create(id, nowMs);
    program.activeMs = nowMs;
    this.#programs.delete(id);
    this.#programs.set(id, program);
    return program;
  }

  #create(id: string, nowMs: number): Program {
    if (this.#programs.size >= this.#options.maxPrograms) this.#forgetOldestIdle();
    const { metrics } = this.#options;
    const hasSeries = this.#series < MAX_SERIES;
    if (hasSeries) this.#series++;
    const labels = { program_id: id };
    return {
      service: 0,
      serviceMs: nowMs,
      inFlight: 0,
      dispatched: 0,
      totalWaitMs: 0,
      activeMs: nowMs,
      gauges: hasSeries
        ? {
            wait: metrics.gauge(programWaitMilliseconds, labels),
            service: metrics.gauge(programServiceTokens, labels),
          }
        : undefined,
    };
  }

  #forgetOldestIdle(): void {
    for (const [id, program] of this.#programs) {
      if (program.inFlight > 0) continue;
      this.#forget(id, program);
      return;
    }
  }

  #sweep(nowMs: number): void {
    const { ttlMs, sweepMs } = this.#options;
    this.#sweptMs ??= nowMs;
    if (ttlMs === 0 || nowMs - this.#sweptMs < sweepMs) return;
    this.#sweptMs = nowMs;
    for (const [id, program] of this.#programs) {
      if (nowMs - program.activeMs <= ttlMs) break;
      if (program.inFlight === 0) this.#forget(id, program);
    }
  }

  #forget(id: string, program: Program): void {
    this.#programs.delete(id);
    this.#forgetWait(program);
    if (program.gauges === undefined) return;
    this.#series--;
    const labels = { program_id: id };
    this.#options.metrics.remove(programWaitMilliseconds, labels);
    this.#options.metrics.remove(programServiceTokens, labels);
  }

  #countWait(program: Program): void {
    const mean = meanWait(program);
    this.#waits += mean;
    this.#squares += mean * mean;
    this.#index.set(this.#fairness());
  }

  #forgetWait(program: Program): void {
    const mean = meanWait(program);
    this.#waits -= mean;
    this.#squares -= mean * mean;
  }

  /** Jain's index over the mean waits: 1 where all waited alike, 1/n where one of n did all the waiting. */
  #fairness(): number {
    if (this.#squares < ROUNDING_MS2) return 1;
    return Math.min(1, this.#waits ** 2 / (this.#programs.size * this.#squares));
  }
}

const meanWait = ({ dispatched, totalWaitMs }: Program): number =>
  dispatched === 0 ? 0 : totalWaitMs / dispatched;
