// SPDX-License-Identifier: Apache-2.0
import type {
  EncoderCacheMatches,
  Endpoint,
  InflightLoad,
  PrefixMatches,
} from '@llm-d/scheduler-core';
import type { LatencyFeatures } from './predictor-wire.ts';

/** What is known of a request when it is placed; undefined where nobody produced it. */
export interface RequestFacts {
  readonly promptTokens: number;
  readonly matches: PrefixMatches | undefined;
  readonly load: InflightLoad | undefined;
  readonly encoderMatches: EncoderCacheMatches | undefined;
  /** Label whose value is an endpoint's role; empty = endpoints have none. */
  readonly roleLabel: string;
}

/** One request on one endpoint in the predictor's words. In-flight load counts as it is at this moment. */
export function featuresOf(endpoint: Endpoint, facts: RequestFacts): LatencyFeatures {
  const { metrics } = endpoint;
  const { matches, load, encoderMatches } = facts;
  const role = roleOf(endpoint, facts.roleLabel);
  const encoderInput = wholeNumber(encoderMatches?.totalSize ?? 0);
  return {
    kv_cache_percentage: share(metrics.kvCacheUsage),
    input_token_length: facts.promptTokens,
    num_request_waiting: wholeNumber(metrics.waitingRequests),
    num_request_running: wholeNumber(load?.requests(endpoint) ?? metrics.runningRequests),
    num_tokens_generated: 1,
    prefix_cache_score: matches?.totalBlocks
      ? share(matches.matchedBlocks(endpoint) / matches.totalBlocks)
      : 0,
    encoder_input_size: encoderInput,
    encoder_matched_size: Math.min(
      encoderInput,
      wholeNumber(encoderMatches?.matchedSize(endpoint) ?? 0),
    ),
    ...(role !== '' && { pod_type: role }),
    prefill_tokens_in_flight: wholeNumber(load?.tokens(endpoint) ?? 0),
    decode_tokens_in_flight: 0,
  };
}

/** The value of an endpoint's role label; empty where it has none. */
export const roleOf = ({ labels }: Endpoint, roleLabel: string): string =>
  roleLabel === '' ? '' : (labels[roleLabel] ?? '');

// The predictor refuses a whole call for one value out of its range, so what an engine says is brought into it.
const share = (value: number): number => Math.min(1, Math.max(0, value || 0));
const wholeNumber = (value: number): number => Math.max(0, Math.round(value || 0));
