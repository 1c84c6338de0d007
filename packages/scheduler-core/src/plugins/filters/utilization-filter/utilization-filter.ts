// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inflightLoad, type InflightLoad } from '../../../attributes/inflight-load.ts';
import type { Endpoint } from '../../../endpoint.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { inFlightLoadProducerName } from '../../parameter-fields.ts';
import { keepWhere } from '../keep-where.ts';

const METRICS = [
  'active-requests',
  'running-requests',
  'waiting-queue',
  'kv-cache-utilization',
] as const;

const parameters = z.strictObject({
  conditions: z
    .array(
      z.strictObject({
        metric: z.enum(METRICS).describe('What is measured.'),
        maxValue: z.number().min(0).describe('Highest value an endpoint may have and stay.'),
      }),
    )
    .min(1)
    .describe('Caps; an endpoint above any of them is dropped.'),
  fallbackOnEmpty: z
    .boolean()
    .default(false)
    .describe(
      'Keep all candidates where every one is above a cap, instead of failing the profile.',
    ),
  inFlightLoadProducerName,
});

/** Drops endpoints that have too much to do. */
export const utilizationFilter = definePlugin({
  type: 'utilization-filter',
  summary: 'Drops the endpoints that are above a cap of requests or KV-cache usage.',
  stability: 'alpha',
  points: ['filter'],
  parameters,
  consumes: (p) =>
    p.conditions.some(({ metric }) => metric === 'active-requests')
      ? [inflightLoad(p.inFlightLoadProducerName)]
      : [],
  create: ({ conditions, fallbackOnEmpty, ...p }) => {
    const attribute = inflightLoad(p.inFlightLoadProducerName);
    return {
      filter: {
        filter: (cycle, candidates) => {
          const load = cycle.attributes.get(attribute);
          const kept = keepWhere(candidates, (endpoint) =>
            conditions.every(({ metric, maxValue }) => read(metric, endpoint, load) <= maxValue),
          );
          return kept.length === 0 && fallbackOnEmpty ? candidates : kept;
        },
      },
    };
  },
});

function read(
  metric: (typeof METRICS)[number],
  endpoint: Endpoint,
  load: InflightLoad | undefined,
): number {
  switch (metric) {
    case 'active-requests':
      return load?.requests(endpoint) ?? 0;
    case 'running-requests':
      return endpoint.metrics.runningRequests;
    case 'waiting-queue':
      return endpoint.metrics.waitingRequests;
    case 'kv-cache-utilization':
      return endpoint.metrics.kvCacheUsage;
  }
}
