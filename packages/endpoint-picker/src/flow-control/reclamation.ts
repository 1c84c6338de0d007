// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import {
  IndexedHeap,
  type EvictionFilter,
  type EvictionOrdering,
  type InFlightRequest,
} from '@llm-d/scheduler-core';

/** What is measured of it. */
export interface ReclamationObserver {
  /** By how much the saturation was above the ceiling of the band that is blocked; 0 once none is. */
  target(saturation: number): void;
  /** What was claimed back and does not show in the saturation yet. */
  pending(saturation: number): void;
  /** Requests were told to end, for the sake of a band. */
  issued(priority: number, requests: number): void;
  /** A request that was told to end did; undefined: it did not in time. */
  concluded(afterMs: number | undefined): void;
}

export interface ReclamationOptions {
  readonly clock: Clock;
  readonly filter: EvictionFilter;
  readonly ordering: EvictionOrdering;
  /** Time (ms) from the end of an exchange until the saturation shows the room it left. */
  readonly graceMs: number;
  /** Time (ms) after which an exchange that was told to end and did not is no longer waited for. Default 10 000. */
  readonly timeoutMs?: number;
  /** Most requests ended in one decision. Default 2. */
  readonly maxPerDecision?: number;
  readonly observer?: ReclamationObserver;
  /** Called when a new decision may be taken. */
  readonly onReady: () => void;
}

/** A band with what waits in it. */
export interface BlockedBand {
  readonly priority: number;
  readonly ceiling: number;
  readonly requests: number;
}

/** A request in flight, as long as it is. */
export interface Lease {
  readonly request: InFlightRequest;
  readonly evict: () => void;
}

interface Revocation {
  /** What its end is expected to take from the saturation. */
  readonly credit: number;
  readonly issuedMs: number;
  readonly timeout: Timer;
}

/**
 * Ends requests in flight when higher priorities wait for the room. Never acts twice on the same news: after a decision
 * it waits until every exchange it ended is over, and then until the saturation can show it.
 */
export class Reclamation {
  readonly #options: Required<Omit<ReclamationOptions, 'observer'>> &
    Pick<ReclamationOptions, 'observer'>;
  readonly #leases = new Set<Lease>();
  /** Those that may be ended and were not told to, the first to go in front. */
  readonly #evictable: IndexedHeap<Lease>;
  readonly #outstanding = new Map<Lease, Revocation>();
  /** Credits of ended exchanges until the saturation shows them. */
  readonly #cooling = new Map<Timer, number>();

  constructor(options: ReclamationOptions) {
    this.#options = { timeoutMs: 10_000, maxPerDecision: 2, ...options };
    const { ordering } = options;
    this.#evictable = new IndexedHeap((a, b) => ordering.compare(a.request, b.request));
  }

  get inFlight(): number {
    return this.#leases.size;
  }

  get evictable(): number {
    return this.#evictable.size;
  }

  /** Requests that were told to end and have not. */
  get outstanding(): number {
    return this.#outstanding.size;
  }

  /** A request was placed; `evict` ends it, sooner or later followed by {@link ended}. */
  track(request: InFlightRequest, evict: () => void): Lease {
    const lease = { request, evict };
    this.#leases.add(lease);
    if (this.#options.filter.isEvictable(request)) this.#evictable.add(lease);
    return lease;
  }

  /** A request's exchange is over. */
  ended(lease: Lease): void {
    this.#leases.delete(lease);
    this.#evictable.remove(lease);
    const revocation = this.#outstanding.get(lease);
    if (revocation === undefined) return;
    const { clock, observer } = this.#options;
    observer?.concluded(clock.nowMs() - revocation.issuedMs);
    this.#cool(lease, revocation);
  }

  /** The saturation keeps bands from being served, which are given from the first that it stops to the lowest. */
  blocked(saturation: number, bands: Iterable<BlockedBand>): void {
    if (this.#outstanding.size > 0 || this.#cooling.size > 0) return;
    const victim = this.#evictable.first;
    if (victim === undefined) return;
    for (const { priority, ceiling, requests } of bands) {
      if (priority <= victim.request.priority) return;
      // No room in the world opens a ceiling of 0.
      if (ceiling <= 0 || saturation < ceiling || requests === 0) continue;
      this.#reclaim(saturation, ceiling, priority);
      return;
    }
  }

  /** Nothing waits any more. */
  relax(): void {
    this.#options.observer?.target(0);
  }

  /** Leaves no timer behind. */
  close(): void {
    for (const { timeout } of this.#outstanding.values()) timeout.cancel();
    for (const timer of this.#cooling.keys()) timer.cancel();
    this.#outstanding.clear();
    this.#cooling.clear();
    this.#showPending();
  }

  #reclaim(saturation: number, ceiling: number, priority: number): void {
    const { maxPerDecision, observer } = this.#options;
    // Nobody knows what each request takes: the mean has to do, and the bound on one decision limits the damage.
    const credit = saturation / this.#leases.size;
    observer?.target(saturation - ceiling);
    if (!(credit > 0)) return;
    const wanted = Math.max(1, Math.ceil((saturation - ceiling) / credit));
    const victims = this.#takeVictims(Math.min(wanted, maxPerDecision), priority);
    // All are on the books before the first one ends, which may be at once.
    for (const victim of victims) this.#outstanding.set(victim, this.#issue(victim, credit));
    observer?.issued(priority, victims.length);
    this.#showPending();
    for (const victim of victims) victim.evict();
  }

  #takeVictims(count: number, priority: number): readonly Lease[] {
    const victims: Lease[] = [];
    while (victims.length < count) {
      const victim = this.#evictable.first;
      if (victim === undefined || victim.request.priority >= priority) break;
      this.#evictable.remove(victim);
      victims.push(victim);
    }
    return victims;
  }

  #issue(lease: Lease, credit: number): Revocation {
    const { clock, timeoutMs, observer } = this.#options;
    const timeout = clock.schedule(timeoutMs, () => {
      observer?.concluded(undefined);
      this.#cool(lease, revocation);
    });
    const revocation = { credit, issuedMs: clock.nowMs(), timeout };
    return revocation;
  }

  /** Waits until the saturation can show what an exchange left. */
  #cool(lease: Lease, { credit, timeout }: Revocation): void {
    const { clock, graceMs, onReady } = this.#options;
    timeout.cancel();
    this.#outstanding.delete(lease);
    const timer = clock.schedule(graceMs, () => {
      this.#cooling.delete(timer);
      this.#showPending();
      if (this.#outstanding.size === 0 && this.#cooling.size === 0) onReady();
    });
    this.#cooling.set(timer, credit);
  }

  #showPending(): void {
    let pending = 0;
    for (const { credit } of this.#outstanding.values()) pending += credit;
    for (const credit of this.#cooling.values()) pending += credit;
    this.#options.observer?.pending(pending);
  }
}
