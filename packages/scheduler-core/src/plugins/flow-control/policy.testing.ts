// SPDX-License-Identifier: Apache-2.0
import type {
  FairnessPolicy,
  FlowChooser,
  OrderingPolicy,
  QueuedRequest,
  WaitingFlow,
} from '../../flow-control-contracts.ts';
import type { Plugin } from '../../plugin-contracts.ts';
import { IndexedHeap } from './indexed-heap.ts';

/** A request in band 0 that came at 0 and may wait for ever. */
export function makeQueued(overrides: Partial<QueuedRequest> = {}): QueuedRequest {
  return {
    id: 'r',
    priority: 0,
    fairnessId: 'a',
    model: 'm',
    targetModel: 'm',
    bytes: 100,
    receivedMs: 0,
    enqueuedMs: 0,
    expiresMs: Infinity,
    ttftObjectiveMs: undefined,
    sequence: 0,
    ...overrides,
  };
}

/** A part of a plugin that it must have. */
export function partOf<K extends keyof Plugin>(plugin: Plugin, member: K): NonNullable<Plugin[K]> {
  const part = plugin[member];
  if (part === undefined) throw new Error(`the plugin has no ${member}`);
  return part;
}

/** The ids of requests in the order in which a policy serves them. */
export const orderOf = (policy: OrderingPolicy, requests: readonly QueuedRequest[]): string =>
  requests
    .toSorted((a, b) => policy.compare(a, b))
    .map(({ id }) => id)
    .join('');

const firstCome: OrderingPolicy = { compare: (a, b) => a.sequence - b.sequence };

class Flow implements WaitingFlow {
  readonly fairnessId: string;
  readonly queue: IndexedHeap<QueuedRequest>;

  constructor(fairnessId: string, ordering: OrderingPolicy) {
    this.fairnessId = fairnessId;
    this.queue = new IndexedHeap((a, b) => ordering.compare(a, b) || a.sequence - b.sequence);
  }

  get requests(): number {
    return this.queue.size;
  }

  get bytes(): number {
    return 100 * this.queue.size;
  }

  get head(): QueuedRequest | undefined {
    return this.queue.first;
  }
}

/** One band as the controller keeps it: tells the policy's chooser what happens to its flows. */
export class TestBand {
  readonly #ordering: OrderingPolicy;
  readonly #chooser: FlowChooser;
  readonly #flows = new Map<string, Flow>();
  #sequence = 0;

  constructor(policy: FairnessPolicy, ordering: OrderingPolicy = firstCome) {
    this.#ordering = ordering;
    this.#chooser = policy.forBand({ priority: 0, ordering });
  }

  push(fairnessId: string, overrides: Partial<QueuedRequest> = {}): QueuedRequest {
    const request = makeQueued({ fairnessId, sequence: this.#sequence++, ...overrides });
    const known = this.#flows.get(fairnessId);
    const flow = known ?? new Flow(fairnessId, this.#ordering);
    const { head } = flow;
    flow.queue.add(request);
    if (known === undefined) {
      this.#flows.set(fairnessId, flow);
      this.#chooser.added(flow);
    } else if (flow.head !== head) this.#chooser.changed(flow);
    return request;
  }

  /** Serves one request. */
  take(nowMs = 0): QueuedRequest | undefined {
    const flow = this.#chooser.choose(nowMs);
    const head = flow?.head;
    if (flow === undefined || head === undefined) return undefined;
    this.#chooser.taken?.(flow);
    this.remove(head);
    return head;
  }

  /** A request goes without being served. */
  remove(request: QueuedRequest): void {
    const flow = this.#flows.get(request.fairnessId);
    const head = flow?.head;
    if (flow?.queue.remove(request) !== true) return;
    if (flow.requests === 0) {
      this.#flows.delete(request.fairnessId);
      this.#chooser.removed(flow);
    } else if (head === request) this.#chooser.changed(flow);
  }
}
