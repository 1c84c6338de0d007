// SPDX-License-Identifier: Apache-2.0
import { Pool } from 'undici';

/** How servers of a kind are spoken to. */
export interface Transport {
  readonly tls: boolean;
  /** Whether any certificate will do. */
  readonly skipsVerify: boolean;
}

export interface UpstreamOptions extends Transport {
  readonly connectTimeoutMs: number;
  /** Servers whose connections are kept; beyond that those of the one that was asked longest ago are closed. */
  readonly maxServers: number;
}

/** Connections to servers of one kind, kept alive. */
export interface Upstream {
  /** Of the server at `host:port`. */
  poolOf(hostPort: string): Pool;
  /** Cuts every connection. */
  destroy(): Promise<void>;
}

/** Opens connections as they are needed. */
export function createUpstream(options: UpstreamOptions): Upstream {
  const pools = new Map<string, Pool>();
  const scheme = options.tls ? 'https' : 'http';
  const open = (hostPort: string): Pool =>
    new Pool(`${scheme}://${hostPort}`, {
      // Bounded by the requests in flight.
      connections: null,
      pipelining: 1,
      // Engines serve HTTP/1.1.
      allowH2: false,
      connect: {
        timeout: options.connectTimeoutMs,
        ...(options.skipsVerify && { rejectUnauthorized: false }),
      },
      // Below the 5 s after which uvicorn, in front of vLLM and SGLang, closes idle connections.
      keepAliveTimeout: 4000,
      keepAliveMaxTimeout: 4000,
    });
  const forgetOldest = (): void => {
    const [oldest] = pools;
    if (oldest === undefined || pools.size <= options.maxServers) return;
    pools.delete(oldest[0]);
    // Requests under way end first.
    void oldest[1].close();
  };
  return {
    poolOf: (hostPort) => {
      const pool = pools.get(hostPort) ?? open(hostPort);
      // A map keeps the order in which keys are set.
      pools.delete(hostPort);
      pools.set(hostPort, pool);
      forgetOldest();
      return pool;
    },
    destroy: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
