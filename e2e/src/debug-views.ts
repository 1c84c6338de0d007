// SPDX-License-Identifier: Apache-2.0
import { readExposition } from '@llm-d/test-kit';
import { expect, vi } from 'vitest';
import type { Stack } from './stack.ts';

/** A member as `/debug/endpoints` shows it. */
export interface EndpointView {
  readonly name: string;
  readonly address: string;
  readonly ejected: string | null;
  readonly waitingRequests: number;
}

/** A decision as `/debug/decisions` lists it. */
export interface DecisionView {
  readonly requestId: string;
  readonly attempt: number;
  readonly generation: number;
  readonly endpoint?: string;
}

/** The configuration in force, as `/debug/config` shows it. */
export interface ConfigView {
  readonly generation: number;
  readonly sha256: string;
  readonly retiring: readonly object[];
  readonly lastAttempt?: {
    readonly result: string;
    readonly problems?: readonly {
      readonly path: string;
      readonly line?: number;
      readonly column?: number;
      readonly message: string;
    }[];
    readonly reason?: string;
  };
}

/** Which configuration a gateway or an endpoint picker runs; `url` is where it serves its debugging routes. */
export async function configOf(url: string): Promise<ConfigView> {
  return (await (await fetch(`${url}/debug/config`)).json()) as ConfigView;
}

/** The gateway's view of its servers. */
export async function endpointsOf(url: string): Promise<readonly EndpointView[]> {
  const answer = (await (await fetch(`${url}/debug/endpoints`)).json()) as {
    endpoints: EndpointView[];
  };
  return answer.endpoints;
}

/** The latest decisions, newest first. */
export async function decisionsOf(url: string, limit: number): Promise<readonly DecisionView[]> {
  const answer = (await (await fetch(`${url}/debug/decisions?limit=${limit}`)).json()) as {
    decisions: DecisionView[];
  };
  return answer.decisions;
}

/** Resolves when neither the gateway nor an engine has a request left. */
export async function untilIdle({ url, engines }: Stack): Promise<void> {
  await vi.waitFor(
    async () => {
      const gateway = await readExposition(url);
      const servers = await Promise.all(engines.map((engine) => readExposition(engine.url)));
      const sum = (name: string) =>
        servers.reduce((total, metrics) => total + metrics.sum(name), 0);
      expect({
        running: gateway.sum('llm_d_epp_request_running'),
        inFlight: gateway.sum('llm_d_epp_inflight_requests'),
        engineRunning: sum('vllm:num_requests_running'),
        engineWaiting: sum('vllm:num_requests_waiting'),
      }).toEqual({ running: 0, inFlight: 0, engineRunning: 0, engineWaiting: 0 });
    },
    { timeout: 30_000, interval: 100 },
  );
}
