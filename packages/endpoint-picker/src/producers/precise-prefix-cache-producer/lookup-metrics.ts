// SPDX-License-Identifier: Apache-2.0
import type { Metrics } from '@llm-d/telemetry';
import {
  kvIndexLookupHitsTotal,
  kvIndexLookupLatencySeconds,
  kvIndexLookupRequestsTotal,
  kvIndexMaxPodHitCountTotal,
  kvIndexSpeculativeEntries,
  kvIndexTokenParity,
  kvIndexUnusedTotal,
} from '../../metric-definitions/kv-index-series.ts';

/** Why the index was of no use for a request. */
export type UnusedReason = 'no_tokens' | 'token_parity' | 'lookup_failed' | 'nothing_known';

/** What an instance measures. */
export interface LookupMetrics {
  /** A request was looked up: the longest prefix of one endpoint, and how long it took. */
  looked(longestBlocks: number, seconds: number): void;
  unused(reason: UnusedReason): void;
  /** Share of expected blocks that were found. */
  parity(share: number): void;
  speculative(entries: number): void;
}

/** Metrics of the instance called `name`. */
export function createLookupMetrics(
  metrics: Metrics,
  labels: { readonly plugin_name: string; readonly plugin_type: string },
): LookupMetrics {
  const requests = metrics.counter(kvIndexLookupRequestsTotal, {});
  const hits = metrics.counter(kvIndexLookupHitsTotal, {});
  const longest = metrics.counter(kvIndexMaxPodHitCountTotal, {});
  const latency = metrics.histogram(kvIndexLookupLatencySeconds, {});
  const entries = metrics.gauge(kvIndexSpeculativeEntries, labels);
  return {
    looked: (longestBlocks, seconds) => {
      requests.inc();
      hits.inc(longestBlocks);
      longest.inc(longestBlocks);
      latency.observe(seconds);
    },
    unused: (reason) => {
      metrics.counter(kvIndexUnusedTotal, { ...labels, reason }).inc();
    },
    parity: (share) => {
      // Made with the first finding: 0 would say that tokens diverge.
      metrics.gauge(kvIndexTokenParity, labels).set(share);
    },
    speculative: (count) => {
      entries.set(count);
    },
  };
}
