// SPDX-License-Identifier: Apache-2.0
import {
  createEngineMetricsReader,
  createMetricReader,
  engineMappings,
  type Sample,
} from '@llm-d/endpoint-picker';
import type { Buckets } from './histogram-window.ts';

/** What one server said about itself, all counters since its start. */
export interface ServerReading {
  readonly waiting: number;
  readonly running: number;
  /** 0 to 1. */
  readonly kvUsage: number;
  readonly prefixQueries: number;
  readonly prefixHits: number;
  readonly interTokenSeconds: Buckets;
}

/** What the gateway said, all counters since its start. */
export interface GatewayReading {
  /** Requests by endpoint name. */
  readonly picks: ReadonlyMap<string, number>;
  readonly requests: number;
  readonly errors: number;
  readonly ttftSeconds: Buckets;
  /** Requests for which the index of the engines' caches was of no use. */
  readonly withoutIndex: number;
}

/** A server behind the gateway. */
export interface Member {
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
}

/** Reads the gateway's list of its servers; throws where it is none. */
export function readMembers(text: Buffer): readonly Member[] {
  return (JSON.parse(text.toString()) as { endpoints: readonly Member[] }).endpoints;
}

const total = (text: Buffer, name: string): number =>
  createMetricReader(name)
    .read(text)
    .reduce((sum, { value }) => sum + value, 0);

/** Adds up the buckets of all series of a histogram. */
const bucketsOf = (text: Buffer, name: string): Buckets => {
  const sum = new Map<number, number>();
  for (const { labels, value } of createMetricReader(`${name}_bucket`).read(text)) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    sum.set(bound, (sum.get(bound) ?? 0) + value);
  }
  return sum;
};

/** Reads the exposition of a vLLM or of something that speaks like one. */
export function readServer(text: Buffer): ServerReading {
  const mapping = engineMappings['vllm'];
  if (mapping === undefined) throw new Error('the table of engines lacks vllm');
  const metrics = createEngineMetricsReader(mapping).read(text, 0);
  return {
    waiting: metrics.waitingRequests,
    running: metrics.runningRequests,
    kvUsage: metrics.kvCacheUsage,
    prefixQueries: total(text, 'vllm:prefix_cache_queries_total'),
    prefixHits: total(text, 'vllm:prefix_cache_hits_total'),
    interTokenSeconds: bucketsOf(text, 'vllm:inter_token_latency_seconds'),
  };
}

/** Reads the exposition of our gateway. */
export function readGateway(text: Buffer): GatewayReading {
  const attempts = createMetricReader('llm_d_epp_scheduler_attempts_total').read(text);
  const picks = new Map<string, number>();
  for (const { labels, value } of attempts.filter(succeeded)) {
    const name = labels['endpoint_name'] ?? '';
    picks.set(name, (picks.get(name) ?? 0) + value);
  }
  return {
    picks,
    requests: total(text, 'llm_d_epp_request_total'),
    errors: total(text, 'llm_d_epp_request_error_total'),
    ttftSeconds: bucketsOf(text, 'llm_d_epp_request_ttft_seconds'),
    withoutIndex: total(text, 'llm_d_epp_kv_index_unused_total'),
  };
}

const succeeded = ({ labels }: Sample): boolean => labels['status'] === 'success';
