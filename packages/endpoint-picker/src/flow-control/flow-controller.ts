// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type {
  QueuedRequest,
  StageSaturation,
  TokenUsage,
  UnplacedRequests,
  UsageLimitPolicy,
} from '@llm-d/scheduler-core';
import {
  abandoned,
  closing,
  expired,
  rejectedAtTheDoor,
  type Admission,
  type FlowOutcome,
  type Grounds,
} from './flow-outcome.ts';
import type { FlowSnapshot } from './flow-snapshot.ts';
import type { Passage } from './passage.ts';
import { PriorityBand, type BandSettings } from './priority-band.ts';
import type { Lease, Reclamation } from './reclamation.ts';

/** The pool as flow control sees it; read anew for every decision. */
export interface PoolView {
  saturation(unplaced: UnplacedRequests): StageSaturation;
  hasEndpoints(): boolean;
}

/** What is measured of it. */
export interface FlowObserver {
  /** A request begins to wait. */
  queued(request: QueuedRequest): void;
  /** A request was let through or dismissed; `wasQueued` says whether it had waited at all. */
  decided(
    request: QueuedRequest,
    decision: {
      readonly outcome: FlowOutcome;
      readonly waitedMs: number;
      readonly wasQueued: boolean;
    },
  ): void;
  /** Taking a request in took so long; `outcome` is undefined where it waits. */
  received(request: QueuedRequest, outcome: FlowOutcome | undefined, tookMs: number): void;
  /** What waits in a band, and in all of them, is another amount than before. */
  filled(band: PriorityBand, total: UnplacedRequests): void;
  /** It was looked for requests that may be let through. */
  evaluated(saturation: StageSaturation | undefined, tookMs: number): void;
  bandRemoved(priority: number): void;
}

export interface FlowControllerOptions {
  readonly clock: Clock;
  readonly pool: PoolView;
  readonly usageLimit: UsageLimitPolicy;
  /** Settings of the band of a priority. Asked once for each band. */
  readonly bandOf: (priority: number) => BandSettings;
  /** Bands that are there from the start. Default none. */
  readonly priorities?: readonly number[];
  /** Over all bands; 0 = none. */
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** Longest wait while there is no endpoint; 0 = as long as it likes. */
  readonly noEndpointTtlMs: number;
  /** Time (ms) after which a band that is not permanent goes, where nothing comes. Default 600 000. */
  readonly idleBandMs?: number;
  /** Ends requests in flight for the sake of those that wait. Default none ever is. */
  readonly reclamation?: Reclamation | undefined;
  readonly observer?: FlowObserver;
  /** What was let through and has no place yet, counted together with others over the same pool. Default on its own. */
  readonly unplaced?: UnplacedCount | undefined;
}

/** What was let through and has no place yet. Changed by whoever lets requests through. */
export interface UnplacedCount {
  requests: number;
  bytes: number;
}

/** A request as it arrives. */
export type FlowRequest = Omit<QueuedRequest, 'enqueuedMs' | 'expiresMs' | 'sequence'> & {
  /** Longest wait that the client asked for; it can shorten its band's. */
  readonly ttlMs?: number | undefined;
};

/** Decides when a request may be placed. */
export interface FlowController {
  /**
   * Waits until the request may be placed, or must not; no promise where that is known at once. Never rejects.
   * Whoever is admitted must end the passage.
   */
  admit(request: FlowRequest, signal: AbortSignal): Admission | Promise<Admission>;
  /** Lets a request through that was admitted before and is placed once more; its passage must be ended too. */
  readmit(request: FlowRequest): Passage;
  /** Something changed that may make room: metrics came, an answer ended, endpoints came or went. */
  changed(): void;
  snapshot(): FlowSnapshot;
  /** Forgets bands in which nothing has come for long. */
  collect(): void;
  /** Refuses everything that waits and all that comes. Leaves no timer behind. */
  close(): void;
}

/** A request that waits, and how to tell its owner. */
interface Waiter {
  readonly request: QueuedRequest;
  readonly ttlMs: number;
  /** Set before the owner was told to wait. */
  admission: Admission | undefined;
  /** Undefined until the owner was told to wait. */
  settle: ((admission: Admission) => void) | undefined;
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
  /** High to low, in step with their priorities. */
  #order: readonly PriorityBand[] = [];
  #priorities: readonly number[] = [];
  #bytes = 0;
  #sequence = 0;
  readonly #unplaced: UnplacedCount;
  #hadEndpoints: boolean;
  #recheck: Timer | undefined;
  #evaluating = false;
  /** Something changed while it was being looked what may be let through. */
  #again = false;
  #closed = false;

  constructor(options: FlowControllerOptions) {
    this.#options = options;
    this.#unplaced = options.unplaced ?? { requests: 0, bytes: 0 };
    this.#hadEndpoints = options.pool.hasEndpoints();
    for (const priority of options.priorities ?? []) this.#band(priority);
  }

  admit(arriving: FlowRequest, signal: AbortSignal): Admission | Promise<Admission> {
    const { clock, observer } = this.#options;
    const band = this.#band(arriving.priority);
    const waiter = this.#waiterFor(arriving, band);
    const { request } = waiter;
    const against = this.#groundsAgainst(request, band, signal);
    if (against === undefined) this.#push(waiter, band);
    else this.#decide(waiter, this.#dismissal(request, against));
    const tookMs = clock.nowMs() - request.enqueuedMs;
    const { admission } = waiter;
    observer?.received(request, admission && outcomeOf(admission), tookMs);
    return admission ?? this.#wait(waiter, signal);
  }

  readmit(arriving: FlowRequest): Passage {
    const band = this.#band(arriving.priority);
    return this.#openPassage(this.#waiterFor(arriving, band).request, band);
  }

  changed(): void {
    if (this.#closed || this.#waiters.size === 0) return;
    this.#again = true;
    // Ending a request in flight may end its exchange, and that is a change, in the middle of an evaluation.
    if (this.#evaluating) return;
    const { clock, observer } = this.#options;
    const startedMs = clock.nowMs();
    let saturation: StageSaturation | undefined;
    this.#evaluating = true;
    try {
      while (this.#again) {
        this.#again = false;
        saturation = this.#evaluate();
      }
    } finally {
      this.#evaluating = false;
    }
    if (this.#waiters.size === 0) this.#options.reclamation?.relax();
    this.#armRecheck();
    observer?.evaluated(saturation, clock.nowMs() - startedMs);
  }

  snapshot(): FlowSnapshot {
    const { pool, reclamation } = this.#options;
    return {
      bands: this.#order,
      requests: this.#waiters.size,
      bytes: this.#bytes,
      unplaced: this.#unplaced.requests,
      saturation: pool.saturation(this.#unplaced),
      eviction: reclamation && {
        inFlight: reclamation.inFlight,
        evictable: reclamation.evictable,
        outstanding: reclamation.outstanding,
      },
      nowMs: this.#options.clock.nowMs(),
    };
  }

  collect(): void {
    const { clock, idleBandMs = 600_000, observer } = this.#options;
    const nowMs = clock.nowMs();
    for (const { priority, requests, activeMs, settings } of this.#order) {
      if (settings.isPermanent || requests > 0 || nowMs - activeMs < idleBandMs) continue;
      this.#bands.delete(priority);
      observer?.bandRemoved(priority);
    }
    this.#sortBands();
  }

  close(): void {
    this.#closed = true;
    this.#recheck?.cancel();
    for (const waiter of [...this.#waiters.values()]) this.#dismiss(waiter, closing(true));
    this.#options.reclamation?.close();
  }

  #waiterFor({ ttlMs: asked, ...arriving }: FlowRequest, band: PriorityBand): Waiter {
    const nowMs = this.#options.clock.nowMs();
    band.activeMs = nowMs;
    const ttlMs = shorter(band.settings.ttlMs, asked ?? 0);
    const waitsMs = this.#ttlMs(ttlMs);
    const request = {
      ...arriving,
      enqueuedMs: nowMs,
      expiresMs: waitsMs === 0 ? Infinity : nowMs + waitsMs,
      sequence: this.#sequence++,
    };
    return { request, ttlMs, admission: undefined, settle: undefined, expiry: undefined };
  }

  /** The longest wait in the present regime. */
  #ttlMs(withEndpointsMs: number): number {
    return this.#options.pool.hasEndpoints() ? withEndpointsMs : this.#options.noEndpointTtlMs;
  }

  #band(priority: number): PriorityBand {
    let band = this.#bands.get(priority);
    if (band === undefined) {
      const { bandOf, clock, observer } = this.#options;
      band = new PriorityBand(priority, bandOf(priority), clock.nowMs());
      this.#bands.set(priority, band);
      this.#sortBands();
      observer?.filled(band, { requests: this.#waiters.size, bytes: this.#bytes });
    }
    return band;
  }

  #sortBands(): void {
    this.#order = [...this.#bands.values()].sort((a, b) => b.priority - a.priority);
    this.#priorities = this.#order.map(({ priority }) => priority);
  }

  #groundsAgainst(
    request: QueuedRequest,
    band: PriorityBand,
    signal: AbortSignal,
  ): Grounds | undefined {
    if (this.#closed) return closing(false);
    if (signal.aborted) return abandoned;
    const { maxRequests, maxBytes, pool } = this.#options;
    const isFull =
      band.isFullFor(request.bytes) ||
      (maxRequests > 0 && this.#waiters.size + 1 > maxRequests) ||
      (maxBytes > 0 && this.#bytes + request.bytes > maxBytes);
    return isFull ? rejectedAtTheDoor(pool.hasEndpoints()) : undefined;
  }

  #push(waiter: Waiter, band: PriorityBand): void {
    const { request } = waiter;
    this.#waiters.set(request, waiter);
    this.#bytes += request.bytes;
    band.push(request);
    this.changed();
  }

  /** Has the owner of a request wait that was not let through at once. */
  #wait(waiter: Waiter, signal: AbortSignal): Promise<Admission> {
    const { observer } = this.#options;
    observer?.queued(waiter.request);
    this.#showFill(waiter.request.priority);
    this.#arm(waiter);
    return new Promise((resolve) => {
      const gone = (): void => {
        this.#dismiss(waiter, abandoned);
      };
      waiter.settle = (admission) => {
        signal.removeEventListener('abort', gone);
        resolve(admission);
      };
      signal.addEventListener('abort', gone, { once: true });
    });
  }

  /** Lets through what may be, and returns the saturation that stopped it; undefined where nothing did. */
  #evaluate(): StageSaturation | undefined {
    const hasEndpoints = this.#options.pool.hasEndpoints();
    if (hasEndpoints !== this.#hadEndpoints) {
      // A new regime has a budget of its own, and what waited begins it now.
      this.#hadEndpoints = hasEndpoints;
      for (const waiter of this.#waiters.values()) if (waiter.settle) this.#arm(waiter);
    }
    let saturation: StageSaturation | undefined;
    while (hasEndpoints && this.#waiters.size > 0) {
      saturation = this.#options.pool.saturation(this.#unplaced);
      if (!this.#dispatchOne(saturation.effective)) break;
    }
    return saturation;
  }

  /** Lets the request through whose turn it is; false where the saturation keeps it from that. */
  #dispatchOne(saturation: number): boolean {
    const { usageLimit, clock, reclamation } = this.#options;
    const ceilings = usageLimit.ceilings(this.#priorities, saturation);
    for (const [i, band] of this.#order.entries()) {
      if (band.requests === 0) continue;
      if (saturation >= (ceilings[i] ?? 0)) {
        reclamation?.blocked(saturation, this.#blockedFrom(i, ceilings));
        return false;
      }
      const request = band.take(clock.nowMs());
      const waiter = request && this.#waiters.get(request);
      if (waiter === undefined) return false;
      this.#decide(waiter, {
        kind: 'admitted',
        passage: this.#openPassage(waiter.request, band),
      });
      return true;
    }
    return false;
  }

  *#blockedFrom(first: number, ceilings: readonly number[]) {
    for (let i = first; i < this.#order.length; i++) {
      const { priority, requests } = this.#order[i] as PriorityBand;
      yield { priority, requests, ceiling: ceilings[i] ?? 0 };
    }
  }

  #dismiss(waiter: Waiter, against: Grounds): void {
    this.#decide(waiter, this.#dismissal(waiter.request, against));
  }

  #dismissal(request: QueuedRequest, against: Grounds): Admission {
    const waitedMs = this.#options.clock.nowMs() - request.enqueuedMs;
    return { kind: 'refused', priority: request.priority, waitedMs, ...against };
  }

  /** Ends a wait, or spares it. A second decision about a request does nothing. */
  #decide(waiter: Waiter, admission: Admission): void {
    const { request, settle } = waiter;
    if (waiter.admission !== undefined) return;
    waiter.admission = admission;
    waiter.expiry?.cancel();
    if (this.#waiters.delete(request)) {
      this.#bytes -= request.bytes;
      this.#bands.get(request.priority)?.remove(request);
    }
    this.#options.observer?.decided(request, {
      outcome: outcomeOf(admission),
      waitedMs: this.#options.clock.nowMs() - request.enqueuedMs,
      wasQueued: settle !== undefined,
    });
    if (settle === undefined) return;
    this.#showFill(request.priority);
    settle(admission);
  }

  #openPassage(request: QueuedRequest, band: PriorityBand): Passage {
    const { clock, reclamation } = this.#options;
    const { fairness } = band.settings;
    const nowMs = clock.nowMs();
    fairness.dispatched?.(request, nowMs);
    this.#unplaced.requests++;
    this.#unplaced.bytes += request.bytes;
    let isPlaced = false;
    let isOver = false;
    let lease: Lease | undefined;
    const leave = (): void => {
      if (isPlaced) return;
      isPlaced = true;
      this.#unplaced.requests--;
      this.#unplaced.bytes -= request.bytes;
    };
    return {
      priority: request.priority,
      waitedMs: nowMs - request.enqueuedMs,
      placed: (evict) => {
        if (isPlaced) return;
        leave();
        const { id, priority, fairnessId } = request;
        const inFlight = { id, priority, fairnessId, placedMs: clock.nowMs() };
        lease = reclamation?.track(inFlight, evict);
        this.changed();
      },
      ended: (usage: TokenUsage | undefined) => {
        if (isOver) return;
        isOver = true;
        leave();
        fairness.ended?.(request, usage, clock.nowMs());
        if (lease !== undefined) reclamation?.ended(lease);
        this.changed();
      },
    };
  }

  /** Gives a waiter the whole budget of the present regime, from now on. */
  #arm(waiter: Waiter): void {
    const { clock, pool } = this.#options;
    waiter.expiry?.cancel();
    const ttlMs = this.#ttlMs(waiter.ttlMs);
    waiter.expiry =
      ttlMs === 0
        ? undefined
        : clock.schedule(ttlMs, () => {
            this.#dismiss(waiter, expired(pool.hasEndpoints()));
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

  #showFill(priority: number): void {
    const band = this.#bands.get(priority);
    if (band === undefined) return;
    const total = { requests: this.#waiters.size, bytes: this.#bytes };
    this.#options.observer?.filled(band, total);
  }
}

const outcomeOf = (admission: Admission): FlowOutcome =>
  admission.kind === 'admitted' ? 'Dispatched' : admission.outcome;

/** The shorter of two waits, of which 0 is endless. */
const shorter = (a: number, b: number): number => (a === 0 || b === 0 ? a + b : Math.min(a, b));
