// SPDX-License-Identifier: Apache-2.0
import {
  IndexedHeap,
  type OrderingPolicy,
  type QueuedRequest,
  type WaitingFlow,
} from '@llm-d/scheduler-core';

/** The waiting requests of one flow, in the order of a policy; equals leave in the order they came. */
export class FlowQueue implements WaitingFlow {
  readonly fairnessId: string;
  readonly #queue: IndexedHeap<QueuedRequest>;
  #bytes = 0;

  constructor(fairnessId: string, ordering: OrderingPolicy) {
    this.fairnessId = fairnessId;
    this.#queue = new IndexedHeap((a, b) => ordering.compare(a, b) || a.sequence - b.sequence);
  }

  /** Requests that wait. */
  get requests(): number {
    return this.#queue.size;
  }

  /** Sum of their sizes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The request that goes first; undefined when none waits. */
  get head(): QueuedRequest | undefined {
    return this.#queue.first;
  }

  push(request: QueuedRequest): void {
    this.#queue.add(request);
    this.#bytes += request.bytes;
  }

  /** Takes a request out, wherever it stands. False where it does not wait here. */
  remove(request: QueuedRequest): boolean {
    if (!this.#queue.remove(request)) return false;
    this.#bytes -= request.bytes;
    return true;
  }
}
