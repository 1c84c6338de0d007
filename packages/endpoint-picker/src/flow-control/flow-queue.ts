// SPDX-License-Identifier: Apache-2.0
import type { OrderingPolicy, QueuedRequest } from '@llm-d/scheduler-core';

/** An entry of a {@link FlowQueue}; taking it out early only marks it. */
interface Entry {
  readonly request: QueuedRequest;
  /** Order of arrival, which decides between equals. */
  readonly order: number;
  removed: boolean;
}

/**
 * The waiting requests of one flow, a priority queue by an ordering policy; equals leave in the order they came.
 * A request that is taken out early leaves a mark behind, which goes when it surfaces.
 */
export class FlowQueue {
  readonly #ordering: OrderingPolicy;
  readonly #heap: Entry[] = [];
  readonly #entries = new Map<QueuedRequest, Entry>();
  #order = 0;
  #bytes = 0;

  constructor(ordering: OrderingPolicy) {
    this.#ordering = ordering;
  }

  /** Requests that wait. */
  get requests(): number {
    return this.#entries.size;
  }

  /** Sum of their sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The request that goes first; undefined when none waits. */
  get head(): QueuedRequest | undefined {
    this.#dropRemoved();
    return this.#heap[0]?.request;
  }

  /** All that wait, in no particular order. */
  all(): Iterable<QueuedRequest> {
    return this.#entries.keys();
  }

  push(request: QueuedRequest): void {
    const entry = { request, order: this.#order++, removed: false };
    this.#entries.set(request, entry);
    this.#bytes += request.bytes;
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!this.#before(entry, above)) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = entry;
  }

  /** Takes a request out, wherever it stands. False where it does not wait here. */
  remove(request: QueuedRequest): boolean {
    const entry = this.#entries.get(request);
    if (entry === undefined) return false;
    entry.removed = true;
    this.#entries.delete(request);
    this.#bytes -= request.bytes;
    // Marks must not outnumber what waits, or a flow of cancellations would grow without bound.
    if (this.#heap.length > 2 * this.#entries.size + 16) this.#compact();
    return true;
  }

  #compact(): void {
    const living = this.#heap.filter(({ removed }) => !removed);
    this.#heap.length = 0;
    living.sort((a, b) => (this.#before(a, b) ? -1 : 1));
    // A sorted array is a heap.
    this.#heap.push(...living);
  }

  #dropRemoved(): void {
    while (this.#heap[0]?.removed === true) this.#popTop();
  }

  #popTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let hole = 0;
    for (;;) {
      const left = 2 * hole + 1;
      if (left >= heap.length) break;
      const right = left + 1;
      const smaller =
        right < heap.length && this.#before(heap[right] as Entry, heap[left] as Entry)
          ? right
          : left;
      const below = heap[smaller] as Entry;
      if (!this.#before(below, last)) break;
      heap[hole] = below;
      hole = smaller;
    }
    heap[hole] = last;
  }

  #before(a: Entry, b: Entry): boolean {
    const order = this.#ordering.compare(a.request, b.request);
    return order < 0 || (order === 0 && a.order < b.order);
  }
}
