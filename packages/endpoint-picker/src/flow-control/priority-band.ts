// SPDX-License-Identifier: Apache-2.0
import type {
  FairnessPolicy,
  OrderingPolicy,
  QueuedRequest,
  WaitingFlow,
} from '@llm-d/scheduler-core';
import { FlowQueue } from './flow-queue.ts';

/** Bounds and policies of one band. A bound of 0 is none. */
export interface BandSettings {
  readonly maxRequests: number;
  readonly maxBytes: number;
  readonly ordering: OrderingPolicy;
  readonly fairness: FairnessPolicy;
}

/** All flows of one priority. */
export class PriorityBand {
  readonly priority: number;
  readonly settings: BandSettings;
  readonly #flows = new Map<string, FlowQueue>();
  #requests = 0;
  #bytes = 0;

  constructor(priority: number, settings: BandSettings) {
    this.priority = priority;
    this.settings = settings;
  }

  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a request of this size would go beyond a bound. */
  isFullFor(bytes: number): boolean {
    const { maxRequests, maxBytes } = this.settings;
    return (
      (maxRequests > 0 && this.#requests + 1 > maxRequests) ||
      (maxBytes > 0 && this.#bytes + bytes > maxBytes)
    );
  }

  push(request: QueuedRequest): void {
    let flow = this.#flows.get(request.fairnessId);
    if (flow === undefined) {
      this.#flows.set(request.fairnessId, (flow = new FlowQueue(this.settings.ordering)));
    }
    flow.push(request);
    this.#requests++;
    this.#bytes += request.bytes;
  }

  /** Takes a request out; false where it does not wait here. A flow that ran empty is forgotten. */
  remove(request: QueuedRequest): boolean {
    const flow = this.#flows.get(request.fairnessId);
    if (flow?.remove(request) !== true) return false;
    if (flow.requests === 0) this.#flows.delete(request.fairnessId);
    this.#requests--;
    this.#bytes -= request.bytes;
    return true;
  }

  /** The request that the policies would serve next; undefined when none waits. */
  next(nowMs: number): QueuedRequest | undefined {
    const [first, ...others] = this.flows();
    if (first === undefined) return undefined;
    const { fairness, ordering } = this.settings;
    return fairness.pick([first, ...others], { priority: this.priority, ordering, nowMs }).head;
  }

  /** The flows that have something waiting, in the order in which they came up. */
  flows(): readonly WaitingFlow[] {
    const waiting: WaitingFlow[] = [];
    for (const [fairnessId, { head, requests, bytes }] of this.#flows) {
      if (head !== undefined) waiting.push({ fairnessId, requests, bytes, head });
    }
    return waiting;
  }

  /** Everything that waits. */
  *all(): Iterable<QueuedRequest> {
    for (const flow of this.#flows.values()) yield* flow.all();
  }
}
