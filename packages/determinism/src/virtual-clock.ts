// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from './clock.ts';

interface Event {
  readonly atMs: number;
  /** Order of setting; breaks ties, so that equal instants fire first come, first served. */
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

const before = (a: Event, b: Event): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/**
 * A clock that moves only when told to: the event loop of simulations and of tests.
 * Callbacks run inside the call that advances time and may set further timers.
 */
export class VirtualClock implements Clock {
  readonly #epochAtStartMs: number;
  /** Binary min-heap by time, then by order of setting. */
  readonly #heap: Event[] = [];
  #nowMs = 0;
  #order = 0;
  #cancelledInHeap = 0;

  /** Starts at `nowMs() === 0`; `epochMs` is what {@link epochMs} says at that instant. */
  constructor(options: { readonly epochMs?: number } = {}) {
    this.#epochAtStartMs = options.epochMs ?? 0;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  epochMs(): number {
    return this.#epochAtStartMs + this.#nowMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const event: Event = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
      cancelled: false,
    };
    this.#push(event);
    return {
      cancel: () => {
        if (event.cancelled) return;
        event.cancelled = true;
        this.#cancelledInHeap++;
      },
    };
  }

  /** Timers that are set and will fire. */
  get pendingTimers(): number {
    return this.#heap.length - this.#cancelledInHeap;
  }

  /** Moves time forward by `durationMs`, firing what falls due on the way; `nowMs` ends exactly there. */
  advance(durationMs: number): void {
    this.advanceTo(this.#nowMs + durationMs);
  }

  /** Moves time forward to `atMs`, firing what falls due on the way. A past instant does nothing. */
  advanceTo(atMs: number): void {
    for (let next = this.#peek(); next !== undefined && next.atMs <= atMs; next = this.#peek()) {
      this.#fire();
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
  }

  /**
   * Fires the next timer, moving time to its instant. Returns false when none is set.
   */
  step(): boolean {
    if (this.#peek() === undefined) return false;
    this.#fire();
    return true;
  }

  /**
   * Fires timers until none is left or `untilMs` is reached, and says how many fired.
   * A simulation that never runs dry needs `untilMs`.
   */
  run(options: { readonly untilMs?: number } = {}): number {
    const untilMs = options.untilMs ?? Infinity;
    let fired = 0;
    for (let next = this.#peek(); next !== undefined && next.atMs <= untilMs; next = this.#peek()) {
      this.#fire();
      fired++;
    }
    if (untilMs !== Infinity) this.#nowMs = Math.max(this.#nowMs, untilMs);
    return fired;
  }

  /** The next event that is not cancelled; drops cancelled ones that surfaced. */
  #peek(): Event | undefined {
    while (this.#heap[0]?.cancelled === true) {
      this.#pop();
      this.#cancelledInHeap--;
    }
    return this.#heap[0];
  }

  #fire(): void {
    const event = this.#pop();
    if (event === undefined) return;
    // A timer that has fired cannot be cancelled; marking it keeps the pending count right.
    event.cancelled = true;
    this.#nowMs = event.atMs;
    event.callback();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let child = heap.push(event) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as Event;
      if (!before(event, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const smaller =
        right < heap.length && before(heap[right] as Event, heap[left] as Event) ? right : left;
      const below = heap[smaller] as Event;
      if (!before(below, last)) break;
      heap[hole] = below;
      hole = smaller;
    }
    heap[hole] = last;
    return top;
  }
}
