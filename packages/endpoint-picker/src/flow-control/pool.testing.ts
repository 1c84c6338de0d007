// SPDX-License-Identifier: Apache-2.0
import { VirtualClock } from '@llm-d/determinism';
import type {
  FairnessPolicy,
  OrderingPolicy,
  QueuedRequest,
  UsageLimitPolicy,
} from '@llm-d/scheduler-core';
import {
  createFlowController,
  type FlowController,
  type FlowControllerOptions,
  type FlowRequest,
} from './flow-controller.ts';
import type { Admission, FlowOutcome } from './flow-outcome.ts';
import type { Passage } from './passage.ts';
import type { BandSettings } from './priority-band.ts';
import { queued } from './queued.testing.ts';

/** Serves in the order of arrival. */
export const firstCome: OrderingPolicy = { compare: (a, b) => a.receivedMs - b.receivedMs };

/** Serves one flow until nothing of it waits. */
export const firstFlow: FairnessPolicy = {
  forBand: () => {
    const flows: Parameters<ReturnType<FairnessPolicy['forBand']>['added']>[0][] = [];
    return {
      added: (flow) => flows.push(flow),
      changed: () => undefined,
      removed: (flow) => flows.splice(flows.indexOf(flow), 1),
      choose: () => flows[0],
    };
  },
};

/** A band without bounds whose requests wait for a minute. */
export const band = (overrides: Partial<BandSettings> = {}): BandSettings => ({
  maxRequests: 0,
  maxBytes: 0,
  ttlMs: 60_000,
  ordering: firstCome,
  fairness: firstFlow,
  isPermanent: false,
  ...overrides,
});

/** A policy with one ceiling for all. */
export const ceiling = (value: number): UsageLimitPolicy => ({
  ceilings: (priorities) => priorities.map(() => value),
});

/** A pool, a controller in front of it, and what became of requests. */
export interface TestPool {
  readonly clock: VirtualClock;
  readonly controller: FlowController;
  readonly pool: { room: number; held: number; hasEndpoints: boolean };
  /** Ids in the order in which they were let through. */
  readonly order: readonly string[];
  /** Ids of those told to end. */
  readonly evicted: readonly string[];
  readonly inFlight: readonly { readonly id: string; readonly passage: Passage }[];
  readonly decided: readonly { readonly request: QueuedRequest; readonly outcome: FlowOutcome }[];
  readonly outcomes: () => readonly FlowOutcome[];
  /** How many requests wait by what the observer was told. */
  readonly queuedNow: () => number;
  /** Asks for a place; the promise is resolved when that is decided. */
  readonly ask: (request?: Partial<FlowRequest>, signal?: AbortSignal) => Promise<Admission>;
  /** Ends the exchange of a request in flight; the oldest one by default. */
  readonly free: (id?: string) => void;
  readonly resize: (room: number) => void;
  readonly setEndpoints: (there: boolean) => void;
  readonly settle: () => Promise<unknown>;
}

/** A pool with room for so many requests; those that are let through take their room at once. */
export function poolOf(room: number, overrides: Partial<FlowControllerOptions> = {}): TestPool {
  const clock = new VirtualClock();
  const pool = { room, held: 0, hasEndpoints: true };
  const decided: { readonly request: QueuedRequest; readonly outcome: FlowOutcome }[] = [];
  let queuedNow = 0;
  const controller = createFlowController({
    clock,
    pool: {
      saturation: ({ requests }) => ({
        prefill: undefined,
        decode: undefined,
        effective: pool.hasEndpoints ? (pool.held + requests) / pool.room : 1,
      }),
      hasEndpoints: () => pool.hasEndpoints,
    },
    usageLimit: ceiling(1),
    bandOf: () => band(),
    maxRequests: 0,
    maxBytes: 0,
    noEndpointTtlMs: 60_000,
    observer: {
      queued: () => {
        queuedNow++;
      },
      decided: (request, { outcome, wasQueued }) => {
        if (wasQueued) queuedNow--;
        decided.push({ request, outcome });
      },
      received: () => undefined,
      filled: () => undefined,
      evaluated: () => undefined,
      bandRemoved: () => undefined,
    },
    ...overrides,
  });
  const inFlight: { readonly id: string; readonly passage: Passage }[] = [];
  const order: string[] = [];
  const evicted: string[] = [];
  const enter = (id: string, admission: Admission): Admission => {
    if (admission.kind === 'admitted') {
      order.push(id);
      inFlight.push({ id, passage: admission.passage });
      pool.held++;
      admission.passage.placed(() => {
        evicted.push(id);
      });
    }
    return admission;
  };
  return {
    clock,
    controller,
    pool,
    order,
    evicted,
    inFlight,
    outcomes: () => decided.map(({ outcome }) => outcome),
    decided,
    queuedNow: () => queuedNow,
    ask: (request = {}, signal = new AbortController().signal) => {
      const { enqueuedMs: _, expiresMs: __, sequence: ___, ...arriving } = queued(request);
      const admission = controller.admit({ ...arriving, ...request }, signal);
      return admission instanceof Promise
        ? admission.then((later) => enter(arriving.id, later))
        : Promise.resolve(enter(arriving.id, admission));
    },
    free: (id) => {
      const position = id === undefined ? 0 : inFlight.findIndex((request) => request.id === id);
      const [freed] = inFlight.splice(position, 1);
      if (freed === undefined) return;
      pool.held--;
      freed.passage.ended(undefined);
    },
    resize: (to) => {
      pool.room = to;
      controller.changed();
    },
    setEndpoints: (there) => {
      pool.hasEndpoints = there;
      controller.changed();
    },
    settle: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
