// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from '@llm-d/scheduler-core';
import type { Counter, Metrics } from '@llm-d/telemetry';
import {
  encoderCacheHitRatio,
  encoderCacheHitsTotal,
  encoderCacheQueriesTotal,
} from '../../metric-definitions/data-series.ts';

type Modality = 'image' | 'audio' | 'video';

/** Counts what the caches are asked for. */
export interface EncoderCacheMetrics {
  /** An item of a placed request; `isHit` where the server it went to is believed to have it. */
  looked(endpoint: Endpoint, modality: Modality, isHit: boolean): void;
  /** What share of a request's items one candidate is believed to have. */
  matched(share: number): void;
}

/** Counts under the name of a producer. */
export function createEncoderCacheMetrics(
  metrics: Metrics,
  plugin: { readonly plugin_type: string; readonly plugin_name: string },
): EncoderCacheMetrics {
  const ratio = metrics.histogram(encoderCacheHitRatio, plugin);
  const queries = new Map<Modality, Counter>();
  const queriesOf = (modality: Modality): Counter => {
    let counter = queries.get(modality);
    if (counter === undefined) {
      counter = metrics.counter(encoderCacheQueriesTotal, { ...plugin, modality });
      queries.set(modality, counter);
    }
    return counter;
  };
  return {
    looked: ({ name: pod }, modality, isHit) => {
      queriesOf(modality).inc();
      if (isHit) metrics.counter(encoderCacheHitsTotal, { ...plugin, pod, modality }).inc();
    },
    matched: (share) => {
      ratio.observe(share);
    },
  };
}
