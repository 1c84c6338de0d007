// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '@llm-d/scheduler-core';
import * as z from 'zod';
import { createMetricReader, type MetricReader } from '../../scrape/exposition-reader.ts';

const METRIC = 'DCGM_FI_DEV_GPU_UTIL';
/** Attribute key of what is kept. */
const KEY = 'GPUUtilization';

/** An exposition without a GPU of the endpoint. */
export class GpuUtilizationError extends Error {
  readonly code = 'GPU_UTILIZATION';
  readonly endpoint: string;
  constructor(endpoint: string, reason: string) {
    super(`${endpoint}: ${reason}`);
    this.name = 'GpuUtilizationError';
    this.endpoint = endpoint;
  }
}

/** Keeps how busy the GPUs of each endpoint are, as NVIDIA's DCGM exporter sees them: the busiest one counts. */
export const dcgmExtractor = definePlugin({
  type: 'dcgm-extractor',
  summary: `Keeps the utilization of an endpoint’s busiest GPU as the scalar ${KEY}, 0 to 1.`,
  stability: 'alpha',
  points: ['extractor'],
  parameters: z.strictObject({}),
  create: () => {
    const readers: (MetricReader | undefined)[] = [];
    return {
      extractor: {
        extract: ({ id, name, slot }, answer) => {
          const reader = (readers[slot] ??= createMetricReader(METRIC));
          const text = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength);
          const samples = reader.read(text);
          if (samples.length === 0) throw new GpuUtilizationError(id, `there is no ${METRIC}`);
          let busiest = -1;
          for (const { labels, value } of samples) {
            // An exporter that serves a whole node labels samples with the pod that uses the GPU.
            if ((labels['pod'] ?? name) === name) busiest = Math.max(busiest, value);
          }
          if (busiest < 0) throw new GpuUtilizationError(id, `${METRIC} has no sample of the pod`);
          return { [KEY]: Math.min(1, busiest / 100) };
        },
      },
      endpoints: {
        endpointRemoved: ({ slot }) => {
          readers[slot] = undefined;
        },
      },
    };
  },
});
