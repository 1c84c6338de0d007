// SPDX-License-Identifier: Apache-2.0
import type { Endpoint, EngineMetrics } from '../../endpoint.ts';

/** Fewest requests by which reservations alone may stretch from the best score to the worst. */
const SMALLEST_RESERVED_SPAN = 8;

/**
 * Min-max normalised load, lowest first: `(max − load) / (max − min)`, all 1 where all loads are equal.
 * The load is the scraped number plus the endpoint's reservations. Where the scraped numbers do not
 * differ, reservations are measured against a span of at least 8, so that the first request placed
 * since the last scrape costs its endpoint an eighth of the score and not all of it.
 */
export function scoreByReservedLoad(
  endpoints: readonly Endpoint[],
  scraped: (metrics: EngineMetrics) => number,
): number[] {
  const scores = new Array<number>(endpoints.length);
  let lowestScraped = Infinity;
  let highestScraped = -Infinity;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i] as Endpoint;
    const seen = scraped(endpoint.metrics);
    const load = seen + endpoint.reservedRequests;
    if (seen < lowestScraped) lowestScraped = seen;
    if (seen > highestScraped) highestScraped = seen;
    if (load < lowest) lowest = load;
    if (load > highest) highest = load;
    scores[i] = load;
  }
  const spread = highest - lowest;
  if (!(spread > 0)) return scores.fill(1);
  const span = lowestScraped === highestScraped ? Math.max(SMALLEST_RESERVED_SPAN, spread) : spread;
  for (let i = 0; i < scores.length; i++) scores[i] = (lowest + span - (scores[i] ?? 0)) / span;
  return scores;
}
