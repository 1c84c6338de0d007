// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';

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
