// SPDX-License-Identifier: Apache-2.0
import type { ExtensionPoint } from '../plugin-definition.ts';
import type { ConfigProblem } from './config-error.ts';
import type { FeatureGates } from './feature-gates.ts';

/** One plugin instance that will run. */
export interface ResolvedPlugin {
  readonly name: string;
  readonly type: string;
  /** Who asked for it: the file, a default, or a plugin that reads what it produces. */
  readonly origin: 'configured' | 'default' | 'auto-created producer';
  readonly points: readonly ExtensionPoint[];
  /** As its type's schema settled them, defaults filled in. */
  readonly parameters: unknown;
}

/** One profile; plugins by name, in order of declaration. */
export interface ResolvedProfile {
  readonly name: string;
  readonly filters: readonly string[];
  readonly scorers: readonly { readonly plugin: string; readonly weight: number }[];
  readonly picker: string;
}

/** Where endpoints and their metrics come from; plugins by name. */
export interface ResolvedDataLayer {
  readonly sources: readonly { readonly plugin: string; readonly extractors: readonly string[] }[];
  /** Undefined means discovery through Kubernetes. */
  readonly discovery: string | undefined;
  readonly peerDiscovery: string | undefined;
  readonly crossReplicaSyncer: string | undefined;
  readonly crossReplicaSyncIntervalMs: number | undefined;
}

/** Bounds and policies of the queues of one priority; policies by plugin name. */
export interface ResolvedPriorityBand {
  readonly maxBytes: number;
  readonly maxRequests: number;
  /** How long a request may wait while there are endpoints; 0 = as long as it likes. */
  readonly requestTtlMs: number;
  readonly fairnessPolicy: string;
  readonly orderingPolicy: string;
}

/** Settings of the flow-control layer. */
export interface ResolvedFlowControl {
  /** Over all bands; 0 = unlimited. */
  readonly maxBytes: number;
  /** Over all bands; 0 = unlimited. */
  readonly maxRequests: number;
  /** How long a request may wait while there is no endpoint; 0 = as long as it likes. */
  readonly noEndpointRequestTtlMs: number;
  /** Template for priorities of at least 0 without a band of their own. */
  readonly defaultPriorityBand: ResolvedPriorityBand;
  /** Template for priorities below 0 without a band of their own. */
  readonly defaultNegativePriorityBand: ResolvedPriorityBand;
  readonly priorityBands: readonly (ResolvedPriorityBand & { readonly priority: number })[];
  readonly usageLimitPolicy: string;
  /** How requests in flight are ended for the sake of higher priorities; undefined where none ever is. */
  readonly eviction: ResolvedEviction | undefined;
}

/** Which requests in flight may be ended and which of them first; policies by plugin name. */
export interface ResolvedEviction {
  readonly filter: string;
  readonly ordering: string;
}

/**
 * A configuration with every default filled in and every reference checked: plain data that says
 * exactly what will run. Serialisable where the plugins' parameters are.
 */
export interface ResolvedConfig {
  /** Name of the file or other origin. */
  readonly source: string;
  readonly featureGates: FeatureGates;
  /** Configured ones in their order, then defaults, then created producers. */
  readonly plugins: readonly ResolvedPlugin[];
  readonly handler: string;
  readonly profiles: readonly ResolvedProfile[];
  /** Data producers in the order in which they must run. */
  readonly producers: readonly string[];
  readonly parsers: readonly string[];
  readonly dataLayer: ResolvedDataLayer;
  /** Undefined where the registry has none. */
  readonly saturationDetector: string | undefined;
  /** Undefined while the gate `flowControl` is closed. */
  readonly flowControl: ResolvedFlowControl | undefined;
  /** What is accepted but deprecated or without effect. */
  readonly warnings: readonly ConfigProblem[];
}
