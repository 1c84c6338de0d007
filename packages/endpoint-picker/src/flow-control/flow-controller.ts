// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { QueuedRequest, UsageLimitPolicy } from '@llm-d/scheduler-core';
import {
  abandoned,
  expired,
  rejectedAtTheDoor,
  shuttingDown,
  type Admission,
  type FlowOutcome,
} from './flow-outcome.ts';
import { PriorityBand, type BandSettings } from './priority-band.ts';

/** The pool as flow control sees it; read anew for every decision. */
export interface PoolView {
  /** 0 idle, 1 full. `unplaced` requests were let through and have no endpoint yet. */
  saturation(unplaced: number): number;
  hasEndpoints(): boolean;
}

export interface FlowControllerOptions {
  readonly clock: Clock;
  readonly pool: PoolView;
  readonly usageLimit: UsageLimitPolicy;
  /** Settings of the band of a priority. Asked once for each band. */
  readonly bandOf: (priority: number) => BandSettings;
  /** Over all bands; 0 = none. */
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** Longest wait while there are endpoints; 0 = as long as it likes. */
  readonly ttlMs: number;
  /** Longest wait while there is none. */
  readonly noEndpointTtlMs: number;
  /** Told of the end of every wait. */
  readonly onOutcome?: (request: QueuedRequest, outcome: FlowOutcome, waitedMs: number) => void;
}

/** A request as it arrives. */
export type FlowRequest = Omit<QueuedRequest, 'enqueuedMs' | 'expiresMs'>;

/** What waits, by priority, the highest first. */
export interface FlowSnapshot {
  readonly bands: readonly {
    readonly priority: number;
    readonly requests: number;
    readonly bytes: number;
  }[];
  readonly requests: number;
  readonly bytes: number;
  readonly unplaced: number;
}

/** Decides when a request may be placed. */
export interface FlowController {
  /**
   * Waits until the request may be placed, or must not. Never rejects. Whoever is admitted calls
   * {@link placed} once it has an endpoint or was refused one.
   */
  admit(request: FlowRequest, signal: AbortSignal): Promise<Admission>;
  /** An admitted request is no longer on its way to an endpoint. */
  placed(): void;
  /** Something changed that may make room: metrics came, an answer ended, endpoints came or went. */
  changed(): void;
  snapshot(): FlowSnapshot;
  /** Refuses everything that waits and all that comes. Leaves no timer behind. */
  close(): void;
}

/** A request that waits, and how to tell its owner. */
interface Waiter {
  readonly request: QueuedRequest;
  readonly settle: (admission: Admission) => void;
  expiry: Timer | undefined;
}

/**
 * Three tiers: the highest band first, in it the flow that the fairness policy picks, in it the request that the
 * ordering policy puts first. A band whose ceiling is reached stops all below it, so that lower priorities never
 * overtake. Requests are let through when something changes and by exact timers; nothing ticks.
 */
export function createFlowController(options: FlowControllerOptions): FlowController {
  return new Controller(options);
}

class Controller implements FlowController {
  readonly #options: FlowControllerOptions;
  readonly #waiters = new Map<QueuedRequest, Waiter>();
  readonly #bands = new Map<number, PriorityBand>();
  /** High to low. */
  #order: readonly PriorityBand[] = [];
  #bytes = 0;
  #unplaced = 0;
  #hadEndpoints: boolean;
  #recheck: Timer | undefined;
  #closed = false;

  constructor(options: FlowControllerOptions) {
    this.#options = options;
    this.#hadEndpoints = options.pool.hasEndpoints();
  }

  admit(arriving: FlowRequest, signal: AbortSignal): Promise<Admission> {
    const request = this.#stamp(arriving);
    if (this.#closed) return Promise.resolve(this.#turnAway(request, shuttingDown(false)));
    if (signal.aborted) return Promise.resolve(this.#turnAway(request, abandoned));
    const band = this.#band(request.priority);
    if (this.#isFullFor(request, band)) {
      return Promise.resolve(
        this.#turnAway(request, rejectedAtTheDoor(this.#options.pool.hasEndpoints())),
      );
    }
    return new Promise((resolve) => {
      const gone = (): void => {
        this.#end(waiter, abandoned);
      };
      const waiter: Waiter = {
        request,
        expiry: undefined,
        settle: (admission) => {
          signal.removeEventListener('abort', gone);
          resolve(admission);
        },
      };
      signal.addEventListener('abort', gone, { once: true });
      this.#waiters.set(request, waiter);
      this.#bytes += request.bytes;
      band.push(request);
      this.#arm(waiter);
      this.changed();
    });
  }

  placed(): void {
    this.#unplaced = Math.max(0, this.#unplaced - 1);
    this.changed();
  }

  changed(): void {
    if (this.#closed || this.#waiters.size === 0) return;
    const hasEndpoints = this.#options.pool.hasEndpoints();
    if (hasEndpoints !== this.#hadEndpoints) {
      // A new regime has a budget of its own, and what waited begins it now.
      this.#hadEndpoints = hasEndpoints;
      for (const waiter of this.#waiters.values()) this.#arm(waiter);
    }
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#dispatch(next);
    this.#armRecheck();
  }

  snapshot(): FlowSnapshot {
    return {
      bands: this.#order.map(({ priority, requests, bytes }) => ({ priority, requests, bytes })),
      requests: this.#waiters.size,
      bytes: this.#bytes,
      unplaced: this.#unplaced,
    };
  }

  close(): void {
    this.#closed = true;
    this.#recheck?.cancel();
    for (const waiter of [...this.#waiters.values()]) this.#end(waiter, shuttingDown(true));
  }

  #stamp(arriving: FlowRequest): QueuedRequest {
    const enqueuedMs = this.#options.clock.nowMs();
    const ttlMs = this.#ttlMs();
    return { ...arriving, enqueuedMs, expiresMs: ttlMs === 0 ? Infinity : enqueuedMs + ttlMs };
  }

  #ttlMs(): number {
    const { pool, ttlMs, noEndpointTtlMs } = this.#options;
    return pool.hasEndpoints() ? ttlMs : noEndpointTtlMs;
  }

  #band(priority: number): PriorityBand {
    let band = this.#bands.get(priority);
    if (band === undefined) {
      band = new PriorityBand(priority, this.#options.bandOf(priority));
      this.#bands.set(priority, band);
      this.#order = [...this.#bands.values()].sort((a, b) => b.priority - a.priority);
    }
    return band;
  }

  #isFullFor({ bytes }: QueuedRequest, band: PriorityBand): boolean {
    const { maxRequests, maxBytes } = this.#options;
    return (
      band.isFullFor(bytes) ||
      (maxRequests > 0 && this.#waiters.size + 1 > maxRequests) ||
      (maxBytes > 0 && this.#bytes + bytes > maxBytes)
    );
  }

  /** The request that may be placed now; undefined when none waits or the pool has no room for its band. */
  #next(): Waiter | undefined {
    const waiting = this.#order.filter(({ requests }) => requests > 0);
    const [highest] = waiting;
    if (highest === undefined || !this.#hadEndpoints) return undefined;
    const saturation = this.#options.pool.saturation(this.#unplaced);
    const priorities = waiting.map(({ priority }) => priority);
    const [ceiling = 0] = this.#options.usageLimit.ceilings(priorities, saturation);
    if (saturation >= ceiling) return undefined;
    const request = highest.next(this.#options.clock.nowMs());
    return request && this.#waiters.get(request);
  }

  #dispatch(waiter: Waiter): void {
    const { clock } = this.#options;
    const { request } = waiter;
    const nowMs = clock.nowMs();
    this.#band(request.priority).settings.fairness.dispatched?.(request, nowMs);
    this.#unplaced++;
    this.#end(waiter, { kind: 'admitted', waitedMs: nowMs - request.enqueuedMs });
  }

  #end(waiter: Waiter, admission: Admission): void {
    const { request } = waiter;
    if (!this.#waiters.delete(request)) return;
    waiter.expiry?.cancel();
    this.#bytes -= request.bytes;
    this.#bands.get(request.priority)?.remove(request);
    this.#report(request, admission);
    waiter.settle(admission);
  }

  #turnAway(request: QueuedRequest, admission: Admission): Admission {
    this.#report(request, admission);
    return admission;
  }

  #report(request: QueuedRequest, admission: Admission): void {
    const { clock, onOutcome } = this.#options;
    const outcome = admission.kind === 'admitted' ? 'Dispatched' : admission.outcome;
    onOutcome?.(request, outcome, clock.nowMs() - request.enqueuedMs);
  }

  /** Gives a waiter the whole budget of the present regime, from now on. */
  #arm(waiter: Waiter): void {
    waiter.expiry?.cancel();
    const ttlMs = this.#ttlMs();
    waiter.expiry =
      ttlMs === 0
        ? undefined
        : this.#options.clock.schedule(ttlMs, () => {
            this.#end(waiter, expired(this.#options.pool.hasEndpoints()));
          });
  }

  #armRecheck(): void {
    const { usageLimit, clock } = this.#options;
    this.#recheck?.cancel();
    this.#recheck = undefined;
    if (usageLimit.recheckMs === undefined || this.#waiters.size === 0) return;
    this.#recheck = clock.schedule(usageLimit.recheckMs, () => {
      this.changed();
    });
  }
}
