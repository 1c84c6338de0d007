// SPDX-License-Identifier: Apache-2.0
import type {
  FairnessPolicy,
  FlowChooser,
  OrderingPolicy,
  QueuedRequest,
  WaitingFlow,
} from '@llm-d/scheduler-core';
import { FlowQueue } from './flow-queue.ts';

/** Bounds and policies of one band. A bound of 0 is none. */
export interface BandSettings {
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** Longest wait while there are endpoints; 0 = as long as it likes. */
  readonly ttlMs: number;
  readonly ordering: OrderingPolicy;
  readonly fairness: FairnessPolicy;
  /** Whether the band stays though nothing has come for long. */
  readonly isPermanent: boolean;
}

/** All flows of one priority. A flow lives as long as something of it waits. */
export class PriorityBand {
  readonly priority: number;
  readonly settings: BandSettings;
  readonly #flows = new Map<string, FlowQueue>();
  readonly #chooser: FlowChooser;
  #requests = 0;
  #bytes = 0;
  /** Clock reading (ms) of the last request that came. */
  activeMs: number;

  constructor(priority: number, settings: BandSettings, nowMs: number) {
    this.priority = priority;
    this.settings = settings;
    this.activeMs = nowMs;
    this.#chooser = settings.fairness.forBand({ priority, ordering: settings.ordering });
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
    this.#requests++;
    this.#bytes += request.bytes;
    const known = this.#flows.get(request.fairnessId);
    if (known === undefined) {
      const flow = new FlowQueue(request.fairnessId, this.settings.ordering);
      flow.push(request);
      this.#flows.set(request.fairnessId, flow);
      this.#chooser.added(flow);
      return;
    }
    const { head } = known;
    known.push(request);
    if (known.head !== head) this.#chooser.changed(known);
  }

  /** Takes a request out; false where it does not wait here. */
  remove(request: QueuedRequest): boolean {
    const flow = this.#flows.get(request.fairnessId);
    if (flow === undefined) return false;
    const { head } = flow;
    if (!flow.remove(request)) return false;
    this.#requests--;
    this.#bytes -= request.bytes;
    if (flow.requests === 0) {
      this.#flows.delete(request.fairnessId);
      this.#chooser.removed(flow);
    } else if (head === request) this.#chooser.changed(flow);
    return true;
  }

  /** Takes out the request that the policies serve next; undefined when none waits. */
  take(nowMs: number): QueuedRequest | undefined {
    const flow = this.#chooser.choose(nowMs);
    const head = flow?.head;
    if (flow === undefined || head === undefined) return undefined;
    this.#chooser.taken?.(flow);
    this.remove(head);
    return head;
  }

  /** The flows that have something waiting, in the order in which they came up. */
  flows(): Iterable<WaitingFlow> {
    return this.#flows.values();
  }
}
