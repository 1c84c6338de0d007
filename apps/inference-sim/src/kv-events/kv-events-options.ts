// SPDX-License-Identifier: Apache-2.0
import type { KvEventEncoding } from '@llm-d/engine-sim';

/** Frames of a replayed batch: vLLM puts the topic first since 0.26, SGLang and older ones do not. */
export type ReplayLayout = 'vllm' | 'legacy';
export const replayLayouts = ['vllm', 'legacy'] as const satisfies readonly ReplayLayout[];

/** Trouble on the way of the events, for tests of those who listen. */
export interface KvEventFaults {
  /** Batches that are not sent, in percent; a replay has them. */
  readonly dropPercent: number;
  /** Batches of which only the first half is sent, in percent; a replay has them whole. */
  readonly truncatePercent: number;
  /** A replay ends after so many batches, without a word. Infinity: never. */
  readonly replayLimit: number;
}

/** How KV events are published; the words are those of vLLM's `--kv-events-config`. */
export interface KvEventsOptions {
  /** Of the first engine; the ports of the others follow. */
  readonly endpoint: string;
  /** Undefined: nothing can be asked for again. */
  readonly replayEndpoint: string | undefined;
  /** Batches kept for replay. */
  readonly bufferSteps: number;
  /** Batches that may wait for one slow subscriber before further ones pass it by. */
  readonly hwm: number;
  /** Batches that may wait for the socket. vLLM's engine stands still at the bound, here what comes is not sent. */
  readonly maxQueueSize: number;
  /** Undefined: llm-d's convention if the pod's address is known, and empty otherwise. */
  readonly topic: string | undefined;
  /** Events in a batch; a step with more makes several. Infinity: one batch a step, as in vLLM. */
  readonly maxEventsPerBatch: number;
  readonly encoding: Required<KvEventEncoding>;
  readonly replayLayout: ReplayLayout;
  readonly faults: KvEventFaults;
}

/** vLLM's defaults. */
export const defaultKvEvents = {
  endpoint: 'tcp://*:5557',
  replayEndpoint: undefined,
  bufferSteps: 10_000,
  hwm: 100_000,
  maxQueueSize: 100_000,
  topic: undefined,
  maxEventsPerBatch: Infinity,
  encoding: { form: 'map', hashes: 'int', dialect: 'vllm' },
  replayLayout: 'vllm',
  faults: { dropPercent: 0, truncatePercent: 0, replayLimit: Infinity },
} as const satisfies KvEventsOptions;
