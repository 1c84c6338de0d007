// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { goDuration } from '../../../config/go-duration.ts';
import type { Endpoint, EngineMetrics } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { keepWhere } from '../../filters/keep-where.ts';

const parameters = z.strictObject({
  queueDepthThreshold: z
    .int()
    .min(1)
    .default(5)
    .describe('Waiting requests at which an endpoint is full.'),
  kvCacheUtilThreshold: z
    .number()
    .positive()
    .max(1)
    .default(0.8)
    .describe('Share of KV blocks in use at which an endpoint is full.'),
  metricsStalenessThreshold: goDuration
    .refine((ms) => ms > 0, { error: 'must be above 0' })
    .prefault('200ms')
    .describe('Age at which an endpoint’s metrics are no longer believed.'),
  stalenessPolicy: z
    .enum(['saturated', 'ignore'])
    .default('saturated')
    .describe('Whether an endpoint with old metrics counts as full or does not count.'),
  headroom: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'As a filter: share by which an endpoint may exceed the thresholds and still be used.',
    ),
});
type Parameters = z.infer<typeof parameters>;

/**
 * How long an endpoint is believed to be at rest. It may be asked less often then, and nothing happens there that was
 * not placed from here.
 */
const REST_BELIEVED_MS = 5000;

const isAtRest = ({ waitingRequests, runningRequests }: EngineMetrics): boolean =>
  waitingRequests === 0 && runningRequests === 0;

/** How full endpoints say they are; requests that their metrics cannot show yet count as waiting. */
export const utilizationDetector = definePlugin({
  type: 'utilization-detector',
  summary: 'Measures how full the pool is by the endpoints’ queues and KV caches; also a filter.',
  stability: 'beta',
  points: ['saturation-detector', 'filter'],
  parameters,
  create: (settings) => {
    const restMs = Math.max(settings.metricsStalenessThreshold, REST_BELIEVED_MS);
    const isStale = ({ metrics }: Endpoint, nowMs: number): boolean => {
      if (metrics.updatedAtMs === undefined) return true;
      const believedMs = isAtRest(metrics) ? restMs : settings.metricsStalenessThreshold;
      return nowMs - metrics.updatedAtMs > believedMs;
    };
    return {
      saturationDetector: {
        saturation: (endpoints, { nowMs, unplaced }) => {
          if (endpoints.length === 0) return 1;
          const coming = unplaced.requests / endpoints.length;
          let total = 0;
          let counted = 0;
          for (const endpoint of endpoints) {
            const stale = isStale(endpoint, nowMs);
            if (stale && settings.stalenessPolicy === 'ignore') continue;
            total += stale ? 1 : fullness(endpoint, coming, settings);
            counted++;
          }
          return counted === 0 ? 0 : total / counted;
        },
        staleEndpoints: (endpoints, nowMs) =>
          endpoints.reduce((count, endpoint) => count + Number(isStale(endpoint, nowMs)), 0),
      },
      filter: {
        filter: ({ nowMs }, candidates) => {
          const limit = 1 + settings.headroom;
          const kept = keepWhere(
            candidates,
            (endpoint) => !isStale(endpoint, nowMs) && fullness(endpoint, 0, settings) < limit,
          );
          return kept.length === 0 ? candidates : kept;
        },
      },
    };
  },
});

/** How near an endpoint is to its nearer threshold, with so many more requests; 1 is at it. */
const fullness = (
  { metrics, reservedRequests }: Endpoint,
  coming: number,
  { queueDepthThreshold, kvCacheUtilThreshold }: Parameters,
): number =>
  Math.max(
    (metrics.waitingRequests + reservedRequests + coming) / queueDepthThreshold,
    metrics.kvCacheUsage / kvCacheUtilThreshold,
  );
