// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  prefixMatches,
  type Endpoint,
  type PrefixMatches,
  type SchedulingCycle,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import { fnv32a } from './fnv32a.ts';

/** Tells the routing sidecar whom to pull cached blocks from. */
export const KV_CACHE_SOURCE_HEADER = 'x-kv-cache-source-host-port';

const parameters = z.strictObject({
  prefixMatchInfoProducerName: z
    .string()
    .transform((given) => given || 'approx-prefix-cache-producer')
    .prefault('approx-prefix-cache-producer')
    .describe('Name of the data producer whose prefix matches are read.'),
  minCachedTokenDelta: z
    .int()
    .min(1)
    .default(1)
    .describe('Prompt tokens that the source must have cached beyond the computing endpoint.'),
  prefillProfileName: z
    .string()
    .min(1)
    .default('prefill')
    .describe('Profile whose pick computes the prompt where it ran.'),
});

/**
 * Names an endpoint that has more of the prompt cached than the one that will compute it, so that the routing sidecar
 * pulls those blocks. Among endpoints within a block of the longest prefix one is drawn, the less loaded the likelier,
 * by the request's id.
 */
export const p2pSourceProducer = definePlugin({
  type: 'p2p-source-producer',
  summary:
    'Tells the routing sidecar which endpoint to pull cached blocks from that the chosen one lacks.',
  stability: 'alpha',
  points: ['data-producer', 'pre-request'],
  parameters,
  consumes: (p) => [prefixMatches(p.prefixMatchInfoProducerName)],
  create: ({ prefixMatchInfoProducerName, minCachedTokenDelta, prefillProfileName }) => {
    const attribute = prefixMatches(prefixMatchInfoProducerName);
    const sources = new WeakMap<SchedulingCycle, Endpoint>();
    return {
      producer: {
        produce: (cycle, candidates) => {
          const matches = cycle.attributes.get(attribute);
          const source = matches && sourceFor(cycle.request.id, candidates, matches);
          if (source !== undefined) sources.set(cycle, source);
        },
      },
      preRequest: {
        preRequest: (cycle, result, headers) => {
          headers.delete(KV_CACHE_SOURCE_HEADER);
          const source = sources.get(cycle);
          const matches = cycle.attributes.get(attribute);
          if (source === undefined || matches === undefined) return;
          const computing =
            result.outcomes.get(prefillProfileName)?.picked[0] ?? result.endpoints[0];
          const delta = cachedBlocks(matches, source) - cachedBlocks(matches, computing);
          if (source.id === computing.id) return;
          if (delta * matches.blockSizeTokens < minCachedTokenDelta) return;
          headers.set(KV_CACHE_SOURCE_HEADER, source.hostPort);
        },
      },
    };
  },
});

const cachedBlocks = (matches: PrefixMatches, endpoint: Endpoint): number =>
  matches.cachedBlocks?.(endpoint) ?? matches.matchedBlocks(endpoint);

/** The same for the same request and fleet; undefined where nobody has anything. */
function sourceFor(
  requestId: string,
  candidates: readonly Endpoint[],
  matches: PrefixMatches,
): Endpoint | undefined {
  let most = 0;
  for (const endpoint of candidates) most = Math.max(most, cachedBlocks(matches, endpoint));
  if (most === 0) return undefined;
  const eligible = candidates.filter((endpoint) => {
    const blocks = cachedBlocks(matches, endpoint);
    return blocks > 0 && blocks >= most - 1;
  });
  const weights = eligible.map(({ metrics }) => 1 / (1 + metrics.waitingRequests));
  let left = (fnv32a(requestId) / 2 ** 32) * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, endpoint] of eligible.entries()) {
    left -= weights[i] ?? 0;
    if (left < 0) return endpoint;
  }
  return eligible.at(-1);
}
