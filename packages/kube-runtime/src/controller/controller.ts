// SPDX-License-Identifier: Apache-2.0
import { AbortedError, sleep, type Clock } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { ObjectKey } from '../client/resource-path.ts';
import { isConflict } from '../errors.ts';
import type { RetryOptions } from '../work-queue/rate-limiter.ts';
import { createWorkQueue, type WorkQueue } from '../work-queue/work-queue.ts';
import {
  recordController,
  type ControllerRecorder,
  type ReconcileEnd,
} from './controller-metrics.ts';
import type { Source } from './source.ts';
import { TerminalError } from './terminal-error.ts';

/** What a reconciliation wants to happen next; nothing, mostly. */
export interface ReconcileResult {
  /** Looks at the key again after this time, whatever happens. Default: only when something changes. */
  readonly requeueAfterMs?: number;
}

/**
 * Makes the world as the object of a key says, whatever happened before; the object may be gone. It must end soon after
 * `signal` aborts. Throwing has it repeated later, except for a {@link TerminalError}. Mostly an `async` function that returns
 * nothing.
 */
export type Reconcile = (
  key: ObjectKey,
  signal: AbortSignal,
) => Promise<ReconcileResult | undefined>;

export interface ControllerOptions {
  /** What it is called in logs and in the labels of its metrics; unique in a process. */
  readonly name: string;
  /** Where it hears of work. */
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  /** Most keys that are reconciled at once; one key never twice at once. Default 1. */
  readonly concurrency?: number;
  /** Waits of keys that failed. Default those of client-go: 5 ms, doubling up to 1000 s; 10 a second after 100. */
  readonly retry?: RetryOptions;
  /** Longest that a reconciliation may take; then its signal aborts, and it counts as failed. Default 300,000. */
  readonly reconcileTimeoutMs?: number;
  /** Most keys that wait. Beyond, keys are left out and everything is looked at again later. Default 100,000. */
  readonly maxKeys?: number;
}

/** A running controller. Disposing of it stops it at once. */
export interface Controller extends AsyncDisposable {
  readonly name: string;
  /** Whether all sources were ready and keys are being reconciled. */
  readonly isWorking: boolean;
  /** Keys that wait, now or for later. */
  readonly pending: number;
  /** Has a key reconciled as if something had happened to it. */
  enqueue(key: ObjectKey): void;
  /**
   * Begins nothing new, lets what runs go on for `graceMs` (default 0), aborts it, and waits `timeoutMs` (default 10,000)
   * for its end. Resolves with the keys that are still not done, which is a fault of their reconciliation.
   */
  stop(options?: StopOptions): Promise<readonly ObjectKey[]>;
}

export interface StopOptions {
  readonly graceMs?: number;
  readonly timeoutMs?: number;
}

/**
 * Starts a controller: it hears of keys from its sources and reconciles them, none before all sources are ready, each
 * alone, and again after a failure, later each time. It never gives up on a key except for a {@link TerminalError}.
 */
export function startController(options: ControllerOptions): Controller {
  return new RunningController(options);
}

class RunningController implements Controller {
  readonly name: string;
  readonly #options: ControllerOptions;
  readonly #telemetry: Telemetry;
  readonly #queue: WorkQueue;
  readonly #recorder: ControllerRecorder;
  readonly #timeoutMs: number;
  /** No new work. */
  readonly #closing = new AbortController();
  /** No work at all. */
  readonly #aborting = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  readonly #workers: Promise<void>;
  #unsubscribe: (() => void)[] = [];
  #isWorking = false;
  /** What is still to be looked at because keys were left out. */
  #owed: { readonly keys: Iterator<ObjectKey, undefined>; next: ObjectKey | undefined } | undefined;
  /** Whether keys were left out since {@link #owed} began. */
  #overflowed = false;
  #stopped: Promise<readonly ObjectKey[]> | undefined;

  constructor(options: ControllerOptions) {
    const { name, clock, telemetry = noopTelemetry, retry, maxKeys, concurrency = 1 } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new RangeError(`${concurrency} workers are none`);
    }
    this.name = name;
    this.#options = options;
    this.#timeoutMs = options.reconcileTimeoutMs ?? 300_000;
    this.#telemetry = { ...telemetry, logger: telemetry.logger.with({ controller: name }) };
    this.#queue = createWorkQueue({
      name,
      clock,
      telemetry,
      ...(retry !== undefined && { retry }),
      ...(maxKeys !== undefined && { maxKeys }),
    });
    this.#recorder = recordController(name, telemetry.metrics);
    this.#recorder.workers(concurrency);
    this.#workers = this.#work(concurrency);
  }

  get isWorking(): boolean {
    return this.#isWorking;
  }

  get pending(): number {
    return this.#queue.size + this.#queue.delayed;
  }

  readonly enqueue = (key: ObjectKey): void => {
    if (this.#queue.add(textOf(key)) || this.#closing.signal.aborted) return;
    if (!this.#overflowed) this.#telemetry.logger.warn('too many keys wait; some are left out');
    this.#overflowed = true;
  };

  stop(options: StopOptions = {}): Promise<readonly ObjectKey[]> {
    this.#stopped ??= this.#end(options);
    // A second one may be in more of a hurry.
    if ((options.graceMs ?? 0) <= 0) this.#aborting.abort();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #work(concurrency: number): Promise<void> {
    const { signal } = this.#closing;
    try {
      await Promise.all(this.#options.sources.map((source) => source.ready(signal)));
    } catch (error) {
      if (error instanceof AbortedError) return;
      throw error;
    }
    // The last source may have become ready in the moment of the stop.
    if (signal.aborted) return;
    this.#unsubscribe = this.#options.sources.map((source) => source.subscribe(this.enqueue));
    this.#isWorking = true;
    await Promise.all(Array.from({ length: concurrency }, () => this.#takeAndReconcile()));
  }

  /** Goes through everything as far as there is room, after keys were left out: they are among it. */
  #catchUp(): void {
    if (this.#owed === undefined) {
      if (!this.#overflowed) return;
      this.#overflowed = false;
      this.#owed = { keys: this.#everything(), next: undefined };
    }
    const { keys } = this.#owed;
    for (;;) {
      const key = this.#owed.next ?? keys.next().value;
      if (key === undefined) break;
      this.#owed.next = key;
      if (!this.#queue.add(textOf(key))) return;
      this.#owed.next = undefined;
    }
    this.#owed = undefined;
  }

  *#everything(): Generator<ObjectKey, undefined> {
    for (const source of this.#options.sources) yield* source.keys();
    return undefined;
  }

  async #takeAndReconcile(): Promise<void> {
    for (;;) {
      const key = await this.#queue.take();
      // A key may have been handed over just before the stop.
      if (key === undefined || this.#closing.signal.aborted) return;
      const running = this.#reconcile(key);
      this.#running.set(key, running);
      await running;
      this.#running.delete(key);
      this.#queue.done(key);
      if (this.#queue.size === 0) this.#catchUp();
    }
  }

  async #reconcile(key: string): Promise<void> {
    const { clock, reconcile } = this.#options;
    const startedMs = clock.nowMs();
    const call = new AbortController();
    let timedOut = false;
    const timer = clock.schedule(this.#timeoutMs, () => {
      timedOut = true;
      call.abort();
    });
    this.#recorder.started();
    let end: ReconcileEnd;
    try {
      const signal = AbortSignal.any([call.signal, this.#aborting.signal]);
      end = this.#succeed(key, await reconcile(keyOf(key), signal));
    } catch (error) {
      end = this.#fail(key, error, timedOut);
    } finally {
      timer.cancel();
    }
    this.#recorder.ended(end, clock.nowMs() - startedMs);
  }

  #succeed(key: string, result: ReconcileResult | undefined): ReconcileEnd {
    this.#queue.forget(key);
    const afterMs = result?.requeueAfterMs ?? 0;
    if (!(afterMs > 0)) return 'success';
    // A key that is worked on has a place.
    this.#queue.addAfter(key, afterMs);
    return 'requeue_after';
  }

  #fail(key: string, error: unknown, timedOut: boolean): ReconcileEnd {
    const { logger } = this.#telemetry;
    const fields = { key, error, failures: this.#queue.failures(key) + 1 };
    if (error instanceof TerminalError) {
      this.#queue.forget(key);
      logger.error('the object cannot be reconciled', fields);
      return 'terminal';
    }
    if (this.#aborting.signal.aborted) return 'stopped';
    this.#queue.retry(key);
    if (timedOut) {
      logger.error('the reconciliation took too long', { ...fields, timeoutMs: this.#timeoutMs });
      return 'timeout';
    }
    if (isFault(error)) {
      logger.error('the reconciliation has a fault', fields);
      return 'panic';
    }
    if (isConflict(error)) logger.info('an object has changed meanwhile; trying again', fields);
    else logger.error('the reconciliation failed; trying again', fields);
    return 'error';
  }

  async #end({ graceMs = 0, timeoutMs = 10_000 }: StopOptions): Promise<readonly ObjectKey[]> {
    this.#isWorking = false;
    this.#closing.abort();
    for (const stop of this.#unsubscribe) stop();
    this.#queue.close();
    if (graceMs > 0) await this.#settled(graceMs, this.#aborting.signal);
    this.#aborting.abort();
    await this.#settled(timeoutMs);
    const stuck = [...this.#running.keys()].map(keyOf);
    if (stuck.length > 0)
      this.#telemetry.logger.error('reconciliations do not end', { keys: stuck });
    return stuck;
  }

  /** Resolves when everything has ended, after a time at the latest, or when `hurry` aborts. */
  async #settled(timeoutMs: number, hurry?: AbortSignal): Promise<void> {
    const done = new AbortController();
    const signal = hurry === undefined ? done.signal : AbortSignal.any([done.signal, hurry]);
    const waiting = sleep(this.#options.clock, timeoutMs, signal).catch((error: unknown) => {
      if (!(error instanceof AbortedError)) throw error;
    });
    await Promise.race([waiting, this.#workers]);
    done.abort();
    await waiting;
  }
}

/** Errors of the language, and what is no error at all, come from code that is wrong. */
const isFault = (error: unknown): boolean =>
  !(error instanceof Error) ||
  error instanceof TypeError ||
  error instanceof ReferenceError ||
  error instanceof RangeError ||
  error instanceof SyntaxError;

const textOf = ({ namespace = '', name }: ObjectKey): string => `${namespace}/${name}`;

function keyOf(text: string): ObjectKey {
  const [namespace = '', name = ''] = text.split('/');
  return namespace === '' ? { name } : { namespace, name };
}
