// SPDX-License-Identifier: Apache-2.0
import { addBuckets, quantileBetween, type Buckets } from './histogram-window.ts';
import type { GatewayReading, ServerReading } from './stack-metrics.ts';

/** Everything read at one moment. A server that did not answer is undefined. */
export interface StackReading {
  readonly atMs: number;
  readonly gateway: GatewayReading | undefined;
  readonly servers: ReadonlyMap<string, ServerReading | undefined>;
}

/** One server as it is shown. Shares are 0 to 1. */
export interface ServerRow {
  readonly name: string;
  readonly up: boolean;
  readonly running: number;
  readonly waiting: number;
  readonly kvUsage: number;
  /** Undefined where no prompt token was looked up yet. */
  readonly prefixHitRate: number | undefined;
  readonly picks: number;
}

/** The whole stack as it is shown; latencies in seconds over the time between the two readings. */
export interface StackView {
  readonly servers: readonly ServerRow[];
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  readonly ttft: Percentiles;
  readonly interToken: Percentiles;
}

/** Undefined where nothing happened. */
export interface Percentiles {
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** What happened between two readings, and how things are at the later one. */
export function viewOf(earlier: StackReading | undefined, later: StackReading): StackView {
  const { gateway, servers } = later;
  const seconds = earlier === undefined ? 0 : (later.atMs - earlier.atMs) / 1000;
  const before = earlier?.gateway?.requests ?? 0;
  return {
    servers: [...servers].map(([name, server]) =>
      rowOf(name, server, gateway?.picks.get(name) ?? 0),
    ),
    requests: gateway?.requests ?? 0,
    errors: gateway?.errors ?? 0,
    requestsPerSecond: seconds > 0 ? Math.max(0, (gateway?.requests ?? 0) - before) / seconds : 0,
    ttft: percentiles(earlier?.gateway?.ttftSeconds, gateway?.ttftSeconds),
    interToken: percentiles(earlier && interTokenOf(earlier), interTokenOf(later)),
  };
}

function rowOf(name: string, server: ServerReading | undefined, picks: number): ServerRow {
  return {
    name,
    up: server !== undefined,
    running: server?.running ?? 0,
    waiting: server?.waiting ?? 0,
    kvUsage: server?.kvUsage ?? 0,
    prefixHitRate:
      server === undefined || server.prefixQueries === 0
        ? undefined
        : server.prefixHits / server.prefixQueries,
    picks,
  };
}

const interTokenOf = ({ servers }: StackReading): Buckets =>
  addBuckets([...servers.values()].flatMap((server) => server?.interTokenSeconds ?? []));

function percentiles(earlier: Buckets | undefined, later: Buckets | undefined): Percentiles {
  const at = (quantile: number) =>
    later === undefined ? undefined : quantileBetween(earlier, later, quantile);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
