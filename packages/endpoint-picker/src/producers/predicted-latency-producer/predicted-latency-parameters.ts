// SPDX-License-Identifier: Apache-2.0
import { goDuration } from '@llm-d/scheduler-core';
import * as z from 'zod';

const producerName = (value: string, what: string) =>
  z.string().min(1).default(value).describe(`Name of the data producer whose ${what}.`);

/** Parameters of `predicted-latency-producer`. */
export const predictedLatencyParameters = z.strictObject({
  sloBufferFactor: z
    .number()
    .positive()
    .default(1)
    .describe('Factor on objectives for further tokens; below 1 keeps a distance from them.'),
  contextTTL: goDuration
    .prefault('5m')
    .describe('Time after which a request that has not ended no longer counts as running.'),
  streamingMode: z
    .boolean()
    .default(false)
    .describe(
      'Predicts and learns the first token and further tokens apart; otherwise only the whole answer.',
    ),
  endpointRoleLabel: z
    .string()
    .default('')
    .describe('Label with the role of an endpoint; predictions are made for each role apart.'),
  predictInProduce: z
    .boolean()
    .default(true)
    .describe('Asks for predictions; otherwise the predictor only learns.'),
  useEncoderCacheFeatures: z
    .boolean()
    .default(false)
    .describe('Tells the predictor how much of the media each endpoint has encoded.'),
  prefixMatchInfoProducerName: producerName(
    'approx-prefix-cache-producer',
    'prefix matches are read',
  ),
  inFlightLoadProducerName: producerName('inflight-load-producer', 'in-flight load is read'),
  encoderCacheMatchInfoProducerName: producerName(
    'mm-embeddings-cache-producer',
    'encoder cache matches are read',
  ),
  samplingMean: z.number().optional().describe('Accepted without effect.'),
  maxDecodeTokenSamplesForPrediction: z.number().optional().describe('Accepted without effect.'),
});

export type PredictedLatencyParameters = z.output<typeof predictedLatencyParameters>;
