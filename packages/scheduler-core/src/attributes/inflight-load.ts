// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/**
 * What has been placed on each endpoint and is not finished. A live view: a request placed a moment
 * ago counts already.
 */
export interface InflightLoad {
  requests(endpoint: Endpoint): number;
  /** Uncached prompt tokens whose first answer byte is still to come, plus estimated output where configured. */
  tokens(endpoint: Endpoint): number;
}

/** Default producer: `inflight-load-producer`. */
export const inflightLoad = (producer = 'inflight-load-producer'): Attribute<InflightLoad> =>
  attribute('InflightLoad', producer);
