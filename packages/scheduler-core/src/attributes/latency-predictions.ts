// SPDX-License-Identifier: Apache-2.0
import { attribute, type Attribute } from '../attribute.ts';
import type { Endpoint } from '../endpoint.ts';

/** What is expected of one endpoint for one request. */
export interface LatencyPrediction {
  /** Expected time to the first token, in milliseconds. */
  readonly ttftMs: number;
  /** Expected time for each further token, in milliseconds. */
  readonly tpotMs: number;
  /** What the objective for the first token leaves over (ms); negative where it will be missed. */
  readonly ttftHeadroomMs: number;
  /** What the objective for further tokens leaves over (ms); negative where it will be missed. */
  readonly tpotHeadroomMs: number;
  /** Requests sent to the endpoint and not answered when the prediction was made. */
  readonly dispatchedRequests: number;
}

/** What is expected of each endpoint. */
export interface LatencyPredictions {
  /** Undefined for an endpoint that nothing is predicted for. */
  of(endpoint: Endpoint): LatencyPrediction | undefined;
}

/** Producer: `predicted-latency-producer`. */
export const latencyPredictions = (
  producer = 'predicted-latency-producer',
): Attribute<LatencyPredictions> => attribute('LatencyPredictions', producer);

/** Whether both objectives will be met. Without an objective the headroom counts as it was set. */
export const meetsObjectives = (prediction: LatencyPrediction): boolean =>
  prediction.ttftHeadroomMs >= 0 && prediction.tpotHeadroomMs >= 0;
