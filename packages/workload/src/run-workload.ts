// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { LatencyHistogram } from './latency-histogram.ts';
import { RequestMeter } from './request-meter.ts';
import type { RequestRecord } from './request-record.ts';
import type { Target } from './target.ts';
import type { Workload, WorkloadDescription, WorkloadRequest, WorkloadRun } from './workload.ts';

/** How a workload is run against a target. */
export interface RunOptions {
  /** Time of the run; a virtual one makes it a simulation. */
  readonly clock: Clock;
  /** Longest time from sending to the end of the answer. Default 600 000 (ten minutes). */
  readonly timeoutMs?: number;
  /** Most requests in flight; one that is due beyond it is recorded as `dropped`. Default 4096. */
  readonly maxInFlight?: number;
  /** Ends the run: nothing more is sent, what is in flight is given up and recorded as `aborted`. */
  readonly signal?: AbortSignal;
  /** Requests intended before this instant are sent but not measured, to fill caches first. Default 0. */
  readonly warmUpMs?: number;
}

/** Where a run stands; all requests, those of the warm-up too. */
export interface RunProgress {
  readonly elapsedMs: number;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Mean of the good answers so far; undefined before the first. */
  readonly ttftMeanMs: number | undefined;
}

/** What a run has measured. */
export interface RunResult {
  readonly workload: WorkloadDescription;
  /** Wall-clock instant of the start. */
  readonly startedAtEpochMs: number;
  /** From the end of the warm-up to the end of the last request. */
  readonly durationMs: number;
  /** In the order in which the requests ended. */
  readonly records: readonly RequestRecord[];
  /** Gaps between the pieces of all answers. */
  readonly interTokenLatency: LatencyHistogram;
  /** Requests of the warm-up, which are in none of the other figures. */
  readonly warmUpRequests: number;
}

/** A run under way. */
export interface RunningWorkload {
  /** A snapshot; cheap. */
  progress(): RunProgress;
  /** Resolves when the last request has ended; never rejects for failed requests. */
  readonly result: Promise<RunResult>;
}

/**
 * Sends the workload's requests to the target at their intended instants and measures from those instants, so a slow server or a
 * late client cannot hide the waiting it causes. Nothing queues in the client: what may not be sent in time is dropped and counted.
 */
export function runWorkload(
  workload: Workload,
  target: Target,
  options: RunOptions,
): RunningWorkload {
  const runner = new Runner(workload, target, options);
  return { progress: () => runner.progress(), result: runner.result };
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_MAX_IN_FLIGHT = 4096;

class Runner {
  readonly result: Promise<RunResult>;
  readonly #settle: (result: RunResult) => void;
  readonly #workload: Workload;
  readonly #target: Target;
  readonly #run: WorkloadRun;
  readonly #options: Required<Omit<RunOptions, 'signal'>>;
  readonly #signal: AbortSignal | undefined;
  readonly #startMs: number;
  readonly #startedAtEpochMs: number;
  readonly #inFlight = new Set<RequestMeter>();
  readonly #records: RequestRecord[] = [];
  readonly #interTokenLatency = new LatencyHistogram();
  #timer: Timer | undefined;
  #sent = 0;
  #ok = 0;
  #failed = 0;
  #ttftSumMs = 0;
  #ttftCount = 0;
  #warmUpRequests = 0;
  #over = false;

  constructor(workload: Workload, target: Target, options: RunOptions) {
    const { signal, ...rest } = options;
    this.#workload = workload;
    this.#target = target;
    this.#options = {
      timeoutMs: DEFAULT_TIMEOUT_MS,
      maxInFlight: DEFAULT_MAX_IN_FLIGHT,
      warmUpMs: 0,
      ...rest,
    };
    this.#signal = signal;
    let settle: (result: RunResult) => void = () => undefined;
    this.result = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
    this.#startMs = this.#options.clock.nowMs();
    this.#startedAtEpochMs = this.#options.clock.epochMs();
    this.#run = workload.start();
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (signal?.aborted === true) this.#abort();
    else this.#arm();
  }

  progress(): RunProgress {
    return {
      elapsedMs: this.#elapsedMs(),
      sent: this.#sent,
      ok: this.#ok,
      failed: this.#failed,
      inFlight: this.#inFlight.size,
      ttftMeanMs: this.#ttftCount === 0 ? undefined : this.#ttftSumMs / this.#ttftCount,
    };
  }

  #elapsedMs(): number {
    return this.#options.clock.nowMs() - this.#startMs;
  }

  /** Waits for the next request, or ends the run when none can come any more. */
  #arm(): void {
    if (this.#over) return;
    this.#timer?.cancel();
    const atMs = this.#run.nextAtMs();
    if (atMs !== undefined) {
      this.#timer = this.#options.clock.schedule(atMs - this.#elapsedMs(), this.#sendDue);
    } else if (this.#inFlight.size === 0) {
      this.#finish();
    }
  }

  readonly #sendDue = (): void => {
    // Anew for each request: making a prompt and sending it takes time in which the next may fall due.
    for (let atMs = this.#run.nextAtMs(); atMs !== undefined; atMs = this.#run.nextAtMs()) {
      if (atMs > this.#elapsedMs()) break;
      this.#send(this.#run.take());
    }
    this.#arm();
  };

  #send(request: WorkloadRequest): void {
    const meter = new RequestMeter(request, {
      now: () => this.#elapsedMs(),
      keepText: this.#run.ended !== undefined,
      interTokenLatency: this.#isWarmUp(request) ? undefined : this.#interTokenLatency,
      ended: this.#ended,
    });
    const { clock, maxInFlight, timeoutMs } = this.#options;
    if (this.#inFlight.size >= maxInFlight) {
      meter.giveUp('dropped', `${maxInFlight} requests were in flight`);
      return;
    }
    this.#sent++;
    this.#inFlight.add(meter);
    meter.send(
      this.#target,
      clock.schedule(timeoutMs, () => {
        meter.giveUp('timeout', `no end within ${timeoutMs} ms`);
      }),
    );
  }

  readonly #ended = (meter: RequestMeter, record: RequestRecord): void => {
    const wasSent = this.#inFlight.delete(meter);
    this.#count(record);
    if (this.#isWarmUp(meter.request)) this.#warmUpRequests++;
    else this.#records.push(record);
    this.#run.ended?.(meter.request, { atMs: this.#elapsedMs(), text: meter.text });
    // A dropped request ends inside #sendDue, which waits for the next one itself.
    if (wasSent) this.#arm();
  };

  #count(record: RequestRecord): void {
    if (record.failure !== undefined) {
      this.#failed++;
      return;
    }
    this.#ok++;
    if (record.ttftMs === undefined) return;
    this.#ttftSumMs += record.ttftMs;
    this.#ttftCount++;
  }

  #isWarmUp(request: WorkloadRequest): boolean {
    return request.intendedAtMs < this.#options.warmUpMs;
  }

  readonly #abort = (): void => {
    this.#over = true;
    this.#timer?.cancel();
    for (const meter of [...this.#inFlight]) meter.giveUp('aborted', 'the run was aborted');
    this.#finish();
  };

  #finish(): void {
    this.#over = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#settle({
      workload: this.#workload.description,
      startedAtEpochMs: this.#startedAtEpochMs,
      durationMs: Math.max(0, this.#elapsedMs() - this.#options.warmUpMs),
      records: this.#records,
      interTokenLatency: this.#interTokenLatency,
      warmUpRequests: this.#warmUpRequests,
    });
  }
}
