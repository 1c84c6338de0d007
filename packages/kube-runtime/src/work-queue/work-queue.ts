// SPDX-License-Identifier: Apache-2.0
import { AbortedError, type Clock, type Timer } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import { createRateLimiter, type RetryOptions } from './rate-limiter.ts';
import { recordWorkQueue } from './work-queue-metrics.ts';

export interface WorkQueueOptions {
  /** The value of the labels `name` and `controller` of its metrics. */
  readonly name: string;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** How long keys that failed wait. */
  readonly retry?: RetryOptions;
  /** Most keys that wait or are due later, each counted once. Default 100,000. */
  readonly maxKeys?: number;
}

/**
 * Keys that somebody is to look at, each at most once at a time: the queue that controllers of client-go have. A key that
 * is added while it waits is there already; one that is added while it is worked on comes again after that. Nothing is
 * ever dropped in silence: an `add` that finds the queue full says so.
 */
export interface WorkQueue<K extends string = string> {
  /** Keys that wait to be taken now. */
  readonly size: number;
  /** Keys that will be added later. */
  readonly delayed: number;
  /** Keys that are worked on. */
  readonly active: number;
  /** False where the queue is full or closed: the key was not added. */
  add(key: K): boolean;
  /** Adds the key after a while; of several times the earliest counts. False as with {@link add}. */
  addAfter(key: K, delayMs: number): boolean;
  /** Adds the key after a failure, as late as its failures and those of the others ask for. False as with {@link add}. */
  retry(key: K): boolean;
  /** The key has succeeded: its next failure is its first. */
  forget(key: K): void;
  /** Failures of the key since it was forgotten. */
  failures(key: K): number;
  /**
   * Takes the key that waits longest, to be given back with {@link done}. Undefined once the queue is closed; rejects with
   * `AbortedError` when `signal` aborts.
   */
  take(signal?: AbortSignal): Promise<K | undefined>;
  done(key: K): void;
  /** Forgets what waits and lets nothing in. What is worked on is given back as ever. */
  close(): void;
}

/** An empty queue. */
export function createWorkQueue<K extends string = string>(
  options: WorkQueueOptions,
): WorkQueue<K> {
  return new Queue<K>(options);
}

class Queue<K extends string> implements WorkQueue<K> {
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #limiter;
  readonly #recorder;
  /** In the order of their arrival. */
  readonly #waiting = new Set<K>();
  readonly #active = new Set<K>();
  /** Added while they were worked on. */
  readonly #again = new Set<K>();
  readonly #later = new Map<K, { readonly dueMs: number; readonly timer: Timer }>();
  readonly #takers = new Set<(key: K | undefined) => void>();
  #closed = false;

  constructor({ name, clock, telemetry, retry, maxKeys = 100_000 }: WorkQueueOptions) {
    this.#clock = clock;
    this.#maxKeys = maxKeys;
    this.#limiter = createRateLimiter<K>(clock, retry);
    this.#recorder = recordWorkQueue<K>(name, (telemetry ?? noopTelemetry).metrics, clock);
  }

  get size(): number {
    return this.#waiting.size;
  }

  get delayed(): number {
    return this.#later.size;
  }

  get active(): number {
    return this.#active.size;
  }

  add(key: K): boolean {
    if (this.#waiting.has(key) || this.#again.has(key)) return !this.#closed;
    // A key that comes due, or that is worked on, has its place already.
    if (!this.#hasRoom(key)) return false;
    this.#recorder.added(key);
    if (this.#active.has(key)) this.#again.add(key);
    else this.#offer(key);
    return true;
  }

  addAfter(key: K, delayMs: number): boolean {
    if (delayMs <= 0) return this.add(key);
    const dueMs = this.#clock.nowMs() + delayMs;
    const known = this.#later.get(key);
    if (known !== undefined && known.dueMs <= dueMs) return !this.#closed;
    if (!this.#hasRoom(key)) return false;
    known?.timer.cancel();
    const timer = this.#clock.schedule(delayMs, () => {
      // The place of a key that was due is not free in between.
      this.add(key);
      this.#later.delete(key);
    });
    this.#later.set(key, { dueMs, timer });
    return true;
  }

  retry(key: K): boolean {
    this.#recorder.retried();
    return this.addAfter(key, this.#limiter.nextMs(key));
  }

  forget(key: K): void {
    this.#limiter.forget(key);
  }

  failures(key: K): number {
    return this.#limiter.failures(key);
  }

  take(signal?: AbortSignal): Promise<K | undefined> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        this.#takers.delete(taker);
        signal?.removeEventListener('abort', abort);
      };
      const taker = (key: K | undefined): void => {
        settle();
        resolve(key);
      };
      const abort = (): void => {
        settle();
        reject(new AbortedError({ cause: signal?.reason }));
      };
      if (signal?.aborted === true) abort();
      else if (this.#closed) resolve(undefined);
      else {
        signal?.addEventListener('abort', abort, { once: true });
        this.#takers.add(taker);
        this.#hand();
      }
    });
  }

  done(key: K): void {
    if (!this.#active.delete(key)) return;
    this.#recorder.finished(key);
    if (this.#again.delete(key)) this.#offer(key);
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#later.values()) timer.cancel();
    this.#later.clear();
    this.#waiting.clear();
    this.#again.clear();
    this.#recorder.closed();
    for (const taker of [...this.#takers]) taker(undefined);
  }

  #hasRoom(key: K): boolean {
    if (this.#closed) return false;
    if (this.#later.has(key) || this.#active.has(key) || this.#waiting.has(key)) return true;
    return this.#waiting.size + this.#later.size < this.#maxKeys;
  }

  #offer(key: K): void {
    this.#waiting.add(key);
    this.#hand();
  }

  /** Gives the key that waits longest to whoever has waited longest for one. */
  #hand(): void {
    const [taker] = this.#takers;
    const [key] = this.#waiting;
    if (taker === undefined || key === undefined) return;
    this.#waiting.delete(key);
    this.#active.add(key);
    this.#recorder.started(key);
    taker(key);
  }
}
