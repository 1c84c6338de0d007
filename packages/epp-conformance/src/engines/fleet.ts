// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import { startEngine, type Engine } from './engine.ts';
import { hostPort, type EndpointSource, type FleetEndpoint } from './endpoint-source.ts';
import type { EngineLoad } from './vllm-exposition.ts';

/** The endpoints that the endpoint picker chooses from. */
export interface Fleet {
  readonly endpoints: readonly FleetEndpoint[];
  /** {@link endpoints} as proxies write them. */
  readonly hostPorts: readonly string[];
  /** The kit's own engines behind them, in the same order; undefined where the endpoints are somebody else's. */
  readonly engines: readonly Engine[] | undefined;
  /** Changes what exists; undefined where that cannot be changed. */
  readonly source: EndpointSource | undefined;
}

/** Engines of the kit's own. */
export interface EngineFleet extends Fleet, AsyncDisposable {
  readonly engines: readonly Engine[];
}

/** Where engines listen: one entry for each, by the last number of its address in 127.0.1.0/24. */
export type FleetLayout = readonly number[];

/** From an engine's answer to its being used. */
const DIGEST_MS = 30;

/** Starts engines on loopback addresses. Engines with the same address differ in their ports, others share one. */
export async function startEngineFleet(
  layout: FleetLayout,
  options: { readonly clock: Clock; readonly source: EndpointSource | undefined },
): Promise<EngineFleet> {
  const { clock, source } = options;
  await using started = new AsyncDisposableStack();
  const engines: Engine[] = [];
  for (const last of layout) {
    const address = `127.0.1.${last}`;
    const isTaken = engines.some((engine) => engine.address === address);
    const port = isTaken ? 0 : (engines[0]?.port ?? 0);
    engines.push(started.use(await startEngine({ address, port, clock })));
  }
  const endpoints = engines.map(({ address, port }, i) => ({ name: `pod-${i}`, address, port }));
  await source?.publish(endpoints);
  const all = started.move();
  return {
    endpoints,
    hostPorts: endpoints.map(hostPort),
    engines,
    source,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** Endpoints that exist without the kit: their load cannot be set. */
export const givenFleet = (endpoints: readonly FleetEndpoint[]): Fleet => ({
  endpoints,
  hostPorts: endpoints.map(hostPort),
  engines: undefined,
  source: undefined,
});

/**
 * Sets what engines say, in their order, and waits until the endpoint picker has asked each of them twice: the first
 * answer may still have been on its way. One that does not ask within `waitMs` is left to what it knows.
 */
export async function settle(
  engines: readonly Engine[],
  loads: readonly Partial<EngineLoad>[],
  { clock, waitMs }: { readonly clock: Clock; readonly waitMs: number },
): Promise<void> {
  engines.forEach((engine, i) => {
    engine.setLoad(loads[i] ?? {});
  });
  await Promise.all(engines.map((engine) => engine.scraped(2, waitMs)));
  await sleep(clock, DIGEST_MS);
}
