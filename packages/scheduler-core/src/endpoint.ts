// SPDX-License-Identifier: Apache-2.0

/** What a model server last said about itself. Replaced as a whole by every scrape, never changed in place. */
export interface EngineMetrics {
  /** Requests accepted but not yet part of a step. */
  readonly waitingRequests: number;
  /** Requests that take part in steps. */
  readonly runningRequests: number;
  /** Share of KV blocks in use, 0 to 1. */
  readonly kvCacheUsage: number;
  /** Tokens a KV block holds; undefined where the engine does not say. */
  readonly kvBlockSizeTokens: number | undefined;
  /** KV blocks the engine has; undefined where the engine does not say. */
  readonly kvBlocks: number | undefined;
  /** LoRA adapters with a running request. */
  readonly activeLoras: readonly string[];
  /** LoRA adapters that only waiting requests need. */
  readonly waitingLoras: readonly string[];
  /** LoRA adapters that fit at once; 0 where the engine serves none. */
  readonly maxLoras: number;
  /** Further scalars, by the attribute key under which the data layer was told to keep them. */
  readonly custom: Readonly<Record<string, number>>;
  /** Clock reading (ms) when these values were read; undefined before the first successful scrape. */
  readonly updatedAtMs: number | undefined;
}

/** An idle engine that has never been scraped. */
export const unknownMetrics: EngineMetrics = Object.freeze({
  waitingRequests: 0,
  runningRequests: 0,
  kvCacheUsage: 0,
  kvBlockSizeTokens: undefined,
  kvBlocks: undefined,
  activeLoras: [],
  waitingLoras: [],
  maxLoras: 0,
  custom: {},
  updatedAtMs: undefined,
});

/** Where an endpoint is and what it is called; constant over its life, its labels excepted. */
export interface EndpointIdentity {
  /** `<namespace>/<name>-rank-<rank>`, unique in a fleet. */
  readonly id: string;
  readonly namespace: string;
  /** Pod name, or the name in an endpoints file. */
  readonly name: string;
  /** Index of its port among the pod's target ports: the data-parallel rank. */
  readonly rank: number;
  /** IP address without brackets. */
  readonly address: string;
  readonly port: number;
  /** `address:port`, IPv6 in brackets: what goes into the destination header. */
  readonly hostPort: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * One model server as a decision sees it: an immutable snapshot. Two snapshots of the same endpoint
 * differ in `metrics`, `reservedRequests` and, where somebody has relabelled it, `labels` only.
 */
export interface Endpoint extends EndpointIdentity {
  /**
   * Small whole number, unique among the endpoints that live at the same time, reused later: an index
   * for per-endpoint arrays. Whoever keeps such an array clears the slot when the endpoint is removed.
   */
  readonly slot: number;
  readonly metrics: EngineMetrics;
  /**
   * Requests placed on it whose effect `metrics` cannot show yet, because they were placed after the
   * scrape was taken. They make a burst spread that arrives between two scrapes.
   */
  readonly reservedRequests: number;
}

/** `address:port` with brackets around an IPv6 address. */
export function formatHostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The id of rank `rank` of a pod. */
export function endpointId(namespace: string, name: string, rank: number): string {
  return `${namespace}/${name}-rank-${rank}`;
}
