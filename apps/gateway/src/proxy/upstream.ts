// SPDX-License-Identifier: Apache-2.0
import type { Endpoint, EndpointIdentity } from '@llm-d/scheduler-core';
import { Pool } from 'undici';

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Connections to the model servers, kept alive, one pool for each. */
export interface Upstream {
  poolOf(endpoint: EndpointIdentity): Pool;
  /** Closes the pool of a server that has left once its requests are done. */
  forget(endpoint: Endpoint): void;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}

/** Opens connections as they are needed. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const pools = new Map<string, Pool>();
  return {
    poolOf: ({ hostPort }) => {
      let pool = pools.get(hostPort);
      if (pool === undefined) {
        pool = new Pool(`http://${hostPort}`, {
          // Bounded by the gateway's limit of requests in flight.
          connections: null,
          pipelining: 1,
          connect: { timeout: options.connectTimeoutMs },
          headersTimeout: options.responseTimeoutMs,
          bodyTimeout: options.idleTimeoutMs,
          // Below the 5 s after which uvicorn, in front of vLLM and SGLang, closes idle connections.
          keepAliveTimeout: 4000,
          keepAliveMaxTimeout: 4000,
        });
        pools.set(hostPort, pool);
      }
      return pool;
    },
    forget: ({ hostPort }) => {
      void pools.get(hostPort)?.close();
      pools.delete(hostPort);
    },
    destroy: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
