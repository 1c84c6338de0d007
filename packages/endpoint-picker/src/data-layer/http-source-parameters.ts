// SPDX-License-Identifier: Apache-2.0
import { goDuration } from '@llm-d/scheduler-core';
import * as z from 'zod';

/** What sources have in common that ask an endpoint over HTTP. */
export const httpSourceParameters = {
  scheme: z.enum(['http', 'https']).default('http').describe('Protocol of the port.'),
  insecureSkipVerify: z.boolean().default(true).describe('Accepts any certificate over https.'),
};

/** Parameters of a source that asks an endpoint over HTTP, settled. */
export interface HttpSourceParameters {
  readonly scheme: 'http' | 'https';
  readonly path: string;
  /** Absent where it is the endpoint's own. */
  readonly port?: number | undefined;
  readonly insecureSkipVerify: boolean;
  /** Milliseconds. */
  readonly interval?: number | undefined;
}

/** Parameters of `models-data-source`. */
export const modelsDataSourceParameters = z.strictObject({
  ...httpSourceParameters,
  path: z.string().default('/v1/models').describe('Path of the list of models.'),
  interval: goDuration
    .optional()
    .describe('Time between two polls of an endpoint; 10 s where it is not given.'),
});

/** Parameters of `dcgm-data-source`. */
export const dcgmDataSourceParameters = z.strictObject({
  ...httpSourceParameters,
  path: z.string().default('/metrics').describe('Path of the exposition.'),
  port: z.int().min(1).max(65_535).default(9400).describe('Port of the DCGM exporter.'),
  useNodeAddress: z
    .boolean()
    .default(false)
    .refine((isUsed) => !isUsed, {
      error: 'the addresses of nodes are not known yet; run the exporter beside each endpoint',
    })
    .describe('Only false: the exporter is asked at the endpoint’s own address.'),
  interval: goDuration
    .optional()
    .describe('Time between two polls of an endpoint; 1 s where it is not given.'),
});
