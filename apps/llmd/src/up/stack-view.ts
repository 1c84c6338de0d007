// SPDX-License-Identifier: Apache-2.0
import { addBuckets, quantileBetween, type Buckets } from './histogram-window.ts';
import type { IndexReading, KnownEngine } from './index-reading.ts';
import type { GatewayReading, ServerReading } from './stack-metrics.ts';

/** Everything read at one moment. A server that did not answer is undefined. */
export interface StackReading {
  readonly atMs: number;
  readonly gateway: GatewayReading | undefined;
  /** Undefined where the gateway has none, or did not answer. */
  readonly index: IndexReading | undefined;
  readonly servers: ReadonlyMap<string, ServerReading | undefined>;
  readonly programs: readonly ProgramRow[];
}

/** A program that runs beside engines and gateway. */
export interface ProgramRow {
  readonly name: string;
  readonly isUp: boolean;
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
  /** How well its cache is known; undefined where nothing was heard of it. */
  readonly known: KnownEngine | undefined;
}

/** The index of the engines' caches as it is shown. */
export interface IndexRow {
  readonly blocks: number;
  readonly isCaughtUp: boolean;
  readonly isTrusted: boolean;
  /** Servers of which everything is known, those that were heard of, and all. */
  readonly whole: number;
  readonly heard: number;
  readonly servers: number;
  /** The slowest of the servers; undefined where none was heard of. */
  readonly lagMs: number | undefined;
  /** Share (0 to 1) of prompt tokens that servers had cached, between the two readings; undefined where there were none. */
  readonly hitShare: number | undefined;
  /** Requests decided without it. */
  readonly unused: number;
}

/** The whole stack as it is shown; latencies in seconds over the time between the two readings. */
export interface StackView {
  readonly servers: readonly ServerRow[];
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
  readonly ttft: Percentiles;
  readonly interToken: Percentiles;
  /** Undefined where what is cached is guessed. */
  readonly index: IndexRow | undefined;
  readonly programs: readonly ProgramRow[];
}

/** Undefined where nothing happened. */
export interface Percentiles {
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** What happened between two readings, and how things are at the later one. */
export function viewOf(earlier: StackReading | undefined, later: StackReading): StackView {
  const { gateway, servers, index, programs } = later;
  const seconds = earlier === undefined ? 0 : (later.atMs - earlier.atMs) / 1000;
  const before = earlier?.gateway?.requests ?? 0;
  return {
    servers: [...servers].map(([name, server]) =>
      rowOf(name, server, {
        picks: gateway?.picks.get(name) ?? 0,
        known: index?.engines.get(name),
      }),
    ),
    requests: gateway?.requests ?? 0,
    errors: gateway?.errors ?? 0,
    requestsPerSecond: seconds > 0 ? Math.max(0, (gateway?.requests ?? 0) - before) / seconds : 0,
    ttft: percentiles(earlier?.gateway?.ttftSeconds, gateway?.ttftSeconds),
    interToken: percentiles(earlier && interTokenOf(earlier), interTokenOf(later)),
    index: index && indexRow(index, earlier, later),
    programs,
  };
}

function indexRow(
  { blocks, isCaughtUp, isTrusted, engines }: IndexReading,
  earlier: StackReading | undefined,
  later: StackReading,
): IndexRow {
  const known = [...engines.values()];
  const before = earlier === undefined ? { hits: 0, queries: 0 } : prefixTokens(earlier, later);
  const now = prefixTokens(later, later);
  const queries = now.queries - before.queries;
  return {
    ...{ blocks, isCaughtUp, isTrusted },
    whole: known.filter(({ state }) => state === 'whole').length,
    heard: known.length,
    servers: later.servers.size,
    lagMs: known.length === 0 ? undefined : Math.max(...known.map(({ lagMs }) => lagMs)),
    // A server that was started again counts from 0.
    hitShare: queries > 0 ? Math.max(0, now.hits - before.hits) / queries : undefined,
    unused: later.gateway?.withoutIndex ?? 0,
  };
}

/** Prompt tokens that servers looked up and found, of those that answer at a later reading too. */
function prefixTokens({ servers }: StackReading, later: StackReading) {
  let hits = 0;
  let queries = 0;
  for (const [name, server] of servers) {
    if (server === undefined || later.servers.get(name) === undefined) continue;
    hits += server.prefixHits;
    queries += server.prefixQueries;
  }
  return { hits, queries };
}

function rowOf(
  name: string,
  server: ServerReading | undefined,
  { picks, known }: Pick<ServerRow, 'picks' | 'known'>,
): ServerRow {
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
    known,
  };
}

const interTokenOf = ({ servers }: StackReading): Buckets =>
  addBuckets([...servers.values()].flatMap((server) => server?.interTokenSeconds ?? []));

function percentiles(earlier: Buckets | undefined, later: Buckets | undefined): Percentiles {
  const at = (quantile: number) =>
    later === undefined ? undefined : quantileBetween(earlier, later, quantile);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
