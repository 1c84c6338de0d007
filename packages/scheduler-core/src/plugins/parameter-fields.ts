// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** The schema of a plugin that takes no parameters. */
export const noParameters = z.strictObject({});

/** Selects one of several prefix-match producers; shared by every plugin that reads prefix matches. */
export const prefixMatchInfoProducerName = z
  .string()
  .min(1)
  .default('approx-prefix-cache-producer')
  .describe('Name of the data producer whose prefix matches are read.');

/** Selects the in-flight load producer; shared by every plugin that reads in-flight load. */
export const inFlightLoadProducerName = z
  .string()
  .min(1)
  .default('inflight-load-producer')
  .describe('Name of the data producer whose in-flight load is read.');

/** How many endpoints a picker returns. */
export const maxNumOfEndpoints = z
  .int()
  .min(1)
  .default(1)
  .describe('Most endpoints returned: the destination and its fall-backs.');

/** Selects the latency predictor; shared by every plugin that reads predictions. */
export const latencyPredictionInfoProducerName = z
  .string()
  .min(1)
  .default('predicted-latency-producer')
  .describe('Name of the data producer whose latency predictions are read.');

/** Selects where endpoints' places come from; shared by every plugin that compares them. */
export const topologyProducerName = z
  .string()
  .min(1)
  .default('topology-extractor')
  .describe('Name of the producer that knows where endpoints stand.');

/** Says which extractor keeps a scalar; there is one only. */
export const scalarProducer = z
  .string()
  .min(1)
  .default('core-metrics-extractor')
  .describe('Extractor that keeps the scalar. All of them keep it in the same place.');
