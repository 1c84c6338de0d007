// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  latencyPredictions,
  meetsObjectives,
  type LatencyPredictions,
} from '../../../attributes/latency-predictions.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { Admission } from '../../../plugin-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import type { SchedulingRequest } from '../../../request.ts';
import { latencyPredictionInfoProducerName } from '../../parameter-fields.ts';

/** Headers that carry latency objectives in milliseconds, former names included. */
const OBJECTIVES = ['x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms', 'x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'];
/** KV-cache usage below which an endpoint has done too little for predictions to be trusted. */
const COLD_KV_USAGE = 0.02;

const ADMITTED: Admission = { admitted: true };

/** Sheds requests of negative priority that would miss their latency objectives wherever they went. */
export const latencySloAdmitter = definePlugin({
  type: 'latency-slo-admitter',
  summary: 'Refuses requests of negative priority whose latency objectives no endpoint can meet.',
  stability: 'beta',
  points: ['admitter'],
  parameters: z.strictObject({ latencyPredictionInfoProducerName }),
  consumes: (p) => [latencyPredictions(p.latencyPredictionInfoProducerName)],
  create: (p) => {
    const attribute = latencyPredictions(p.latencyPredictionInfoProducerName);
    return {
      admitter: {
        admit: ({ request, attributes }, candidates) => {
          if (request.priority >= 0 || !hasObjective(request)) return ADMITTED;
          const predictions = attributes.get(attribute);
          if (predictions === undefined || mayMeet(candidates, predictions)) return ADMITTED;
          const message = 'no endpoint is expected to meet the latency objectives of the request';
          return { admitted: false, status: 429, message };
        },
      },
    };
  },
});

const hasObjective = ({ headers }: SchedulingRequest): boolean =>
  OBJECTIVES.some((name) => Number(headers.get(name) ?? 0) > 0);

/** Whether an endpoint is idle, cold or expected to be in time, or nothing at all is predicted. */
function mayMeet(candidates: readonly Endpoint[], predictions: LatencyPredictions): boolean {
  let isPredicted = false;
  for (const endpoint of candidates) {
    const { runningRequests, kvCacheUsage } = endpoint.metrics;
    if (runningRequests === 0 || kvCacheUsage < COLD_KV_USAGE) return true;
    const prediction = predictions.of(endpoint);
    if (prediction === undefined) continue;
    isPredicted = true;
    if (meetsObjectives(prediction)) return true;
  }
  return !isPredicted;
}
