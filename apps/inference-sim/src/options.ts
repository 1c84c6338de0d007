// SPDX-License-Identifier: Apache-2.0
import type { EngineConfig, EngineProfile, LatencySettings } from '@llm-d/engine-sim';
import type { FailureSettings } from './failure-injection.ts';
import type { KvEventsOptions } from './kv-events/kv-events-options.ts';
import type { LoraModule } from './served-models.ts';

/** A simulator as it is asked for; `flags.ts` makes one from a command line. */
export interface InferenceSimOptions {
  readonly host: string;
  /** Port of the first replica, the others follow; 0 lets the system choose each. */
  readonly port: number;
  /** Pods. */
  readonly replicas: number;
  /** Engines of a pod. Each engine has a port of its own: ranks of the first pod, ranks of the second, ... */
  readonly dataParallelSize: number;
  /** What engines run. */
  readonly profile: EngineProfile;
  readonly engine: EngineConfig;
  readonly offload: OffloadSettings;
  /** How engines publish their KV events; undefined: not at all. */
  readonly kvEvents: KvEventsOptions | undefined;
  readonly latency: Partial<LatencySettings>;
  /** Names of the base model; empty means the engine's own name for it. */
  readonly servedNames: readonly string[];
  readonly loraModules: readonly LoraModule[];
  /** Adapters can be used at all; shows their metric. */
  readonly loraEnabled: boolean;
  readonly seed: number;
  readonly failures: FailureSettings;
  /** Time during which the servers answer 503. */
  readonly startupDurationMs: number;
  readonly embeddingDimensions: number;
  readonly maxBodyBytes: number;
  /** Bytes that may wait for a client that does not read, before its connection is dropped. */
  readonly maxBufferedBytes: number;
  /** Answers carry the request's id as `x-request-id`. */
  readonly requestIdHeaders: boolean;
  /** Identity in the answers' headers. With several replicas the pod's name gets `-0`, `-1`, ... */
  readonly podName: string;
  readonly podNamespace: string;
  /** The pod's address, for the topic of KV events. */
  readonly podIp: string | undefined;
  /** Offers what vLLM offers with `VLLM_SERVER_DEV_MODE=1`: `/reset_prefix_cache`. */
  readonly devMode: boolean;
}

/** Caches behind the accelerators' memory. */
export interface OffloadSettings {
  /** Blocks of each engine's host memory; 0 for none. */
  readonly cpuBlocks: number;
  /** Storage of all engines of this process, by the word that events have for it; undefined for none. */
  readonly sharedMedium: string | undefined;
  readonly selfDescribingEvents: boolean;
  readonly kvBytesPerToken: number;
}

/** Every option's default, except for what runs. */
export const defaultOptions = {
  host: '127.0.0.1',
  port: 8000,
  replicas: 1,
  dataParallelSize: 1,
  engine: {},
  offload: {
    cpuBlocks: 0,
    sharedMedium: undefined,
    selfDescribingEvents: false,
    kvBytesPerToken: 131_072,
  },
  kvEvents: undefined,
  latency: {},
  servedNames: [],
  loraModules: [],
  loraEnabled: false,
  seed: 0,
  failures: { rate: 0, types: [] },
  startupDurationMs: 0,
  embeddingDimensions: 384,
  maxBodyBytes: 32 * 2 ** 20,
  maxBufferedBytes: 2 ** 20,
  requestIdHeaders: false,
  podName: 'inference-sim',
  podNamespace: 'default',
  podIp: undefined,
  devMode: false,
} as const satisfies Omit<InferenceSimOptions, 'profile'>;
