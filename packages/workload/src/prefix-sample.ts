// SPDX-License-Identifier: Apache-2.0

/** What was known of one request's prompt, and what came of it. All in prompt tokens. */
export interface PrefixSample {
  /** Length of the prompt as the server counted it. */
  readonly promptTokens: number;
  /** What the server that answered took from its cache, by its own word. */
  readonly cachedTokens: number;
  /** What the router believed to be cached on that server; undefined where it had no belief. */
  readonly predictedTokens?: number | undefined;
  /** The most that any server held when the request was about to be sent; undefined where nobody was asked. */
  readonly bestTokens?: number | undefined;
}

/** What was believed beside what was so. Each figure is a sum over the requests that have it. */
export interface PrefixPrediction {
  readonly requests: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly predictedTokens: number;
  /** Believed to be cached, and not so. */
  readonly overestimatedTokens: number;
  /** Cached, and not believed to be. */
  readonly underestimatedTokens: number;
}

/** What was had beside what could have been had. Each figure is a sum over the requests that have it. */
export interface PrefixOpportunity {
  readonly requests: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly bestTokens: number;
  /** Some other server held so much more than the one that answered. */
  readonly lostTokens: number;
}

/** How well prompts were sent to where they were cached, by a sample of the requests. */
export interface PrefixAccuracy {
  readonly prediction: PrefixPrediction | undefined;
  readonly opportunity: PrefixOpportunity | undefined;
}

/** Sums samples up. Parts for which no sample has the figure are undefined. */
export function prefixAccuracy(samples: readonly PrefixSample[]): PrefixAccuracy {
  const prediction = {
    ...NOTHING,
    predictedTokens: 0,
    overestimatedTokens: 0,
    underestimatedTokens: 0,
  };
  const opportunity = { ...NOTHING, bestTokens: 0, lostTokens: 0 };
  for (const sample of samples) {
    const { cachedTokens, predictedTokens, bestTokens } = sample;
    if (predictedTokens !== undefined) {
      count(prediction, sample);
      prediction.predictedTokens += predictedTokens;
      prediction.overestimatedTokens += Math.max(0, predictedTokens - cachedTokens);
      prediction.underestimatedTokens += Math.max(0, cachedTokens - predictedTokens);
    }
    if (bestTokens !== undefined) {
      count(opportunity, sample);
      opportunity.bestTokens += bestTokens;
      opportunity.lostTokens += Math.max(0, bestTokens - cachedTokens);
    }
  }
  return {
    prediction: prediction.requests > 0 ? prediction : undefined,
    opportunity: opportunity.requests > 0 ? opportunity : undefined,
  };
}

const NOTHING = { requests: 0, promptTokens: 0, cachedTokens: 0 };

function count(sums: typeof NOTHING, { promptTokens, cachedTokens }: PrefixSample): void {
  sums.requests++;
  sums.promptTokens += promptTokens;
  sums.cachedTokens += cachedTokens;
}
