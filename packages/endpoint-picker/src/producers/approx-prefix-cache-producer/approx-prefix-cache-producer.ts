// SPDX-License-Identifier: Apache-2.0
import { createPrefixHasher, createPrefixLru, type PrefixLru } from '@llm-d/kv-index';
import {
  attribute,
  definePlugin,
  prefixMatches,
  tokenizedPrompt,
  type Endpoint,
  type PrefixMatches,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import {
  prefixIndexerHitBytes,
  prefixIndexerHitRatio,
  prefixIndexerSize,
} from '../../metric-definitions/data-series.ts';

const wholeNumber = z.int().min(0);
const parameters = z.strictObject({
  autoTune: z
    .boolean()
    .default(true)
    .describe('Takes block size (at least 64) and capacity from what the engines report.'),
  blockSizeTokens: z.int().min(1).default(16).describe('Tokens in a block.'),
  maxPrefixTokensToMatch: wholeNumber
    .default(131_072)
    .describe(
      'Tokens from the start of a prompt that are looked at; 0 leaves it to maxPrefixBlocksToMatch.',
    ),
  maxPrefixBlocksToMatch: z
    .int()
    .min(1)
    .default(2048)
    .describe('Blocks that are looked at where maxPrefixTokensToMatch is 0.'),
  lruCapacityPerServer: z
    .int()
    .min(1)
    .default(31_250)
    .describe('Blocks that one server is believed to hold.'),
});
type Parameters = z.infer<typeof parameters>;

/** Smallest block that automatic tuning chooses; finer ones cost more than their precision is worth. */
const SMALLEST_TUNED_BLOCK_TOKENS = 64;
/** What a token is taken for where bytes are shown, as in llm-d. */
const BYTES_PER_TOKEN = 4;
/** Profile whose pick also computes the prompt. */
const PREFILL_PROFILE = 'prefill';

/**
 * Guesses which server holds how much of a prompt from where earlier prompts were sent. Every server is taken for an
 * LRU cache of blocks; a match is the unbroken run of leading blocks in that server's own cache.
 */
export const approxPrefixCacheProducer = definePlugin({
  type: 'approx-prefix-cache-producer',
  summary:
    'Guesses how much of a prompt each server has cached from the prompts it was sent before.',
  stability: 'beta',
  points: ['data-producer', 'pre-request'],
  parameters,
  consumes: () => [tokenizedPrompt()],
  produces: (_, name) => [prefixMatches(name)],
  isDefaultProducer: true,
  create: (settings, { name, telemetry }) => {
    const matchesOut = prefixMatches(name);
    const chainOut = attribute<Float64Array>('PrefixChain', name);
    const hasher = createPrefixHasher();
    const caches: (PrefixLru | undefined)[] = [];
    const labels = { plugin_name: name, plugin_type: 'approx-prefix-cache-producer' };
    const size = telemetry.metrics.gauge(prefixIndexerSize, labels);
    const hitRatio = telemetry.metrics.histogram(prefixIndexerHitRatio, labels);
    const hitBytes = telemetry.metrics.histogram(prefixIndexerHitBytes, labels);

    const learn = (endpoint: Endpoint, chain: Float64Array, blockSizeTokens: number): void => {
      const capacity = capacityOf(endpoint, blockSizeTokens, settings);
      const cache = (caches[endpoint.slot] ??= createPrefixLru(capacity));
      const before = cache.size;
      if (cache.capacity !== capacity) cache.setCapacity(capacity);
      cache.touch(chain);
      size.add(cache.size - before);
    };

    return {
      producer: {
        recorded: { matches: matchesOut },
        produce: ({ request, attributes }, candidates, output) => {
          const tokens = attributes.get(tokenizedPrompt());
          if (tokens === undefined) return;
          const blockSizeTokens = blockSizeFor(candidates, settings);
          const chain = hasher.keys(tokens.ids, {
            model: request.targetModel,
            cacheSalt: request.cacheSalt,
            blockSizeTokens,
            includePartialBlock: true,
            maxBlocks: maxBlocks(settings, blockSizeTokens),
          });
          output.attributes.set(chainOut, chain);
          output.attributes.set(
            matchesOut,
            matchesOf(chain, {
              candidates,
              caches,
              blockSizeTokens,
              promptTokens: tokens.ids.length,
            }),
          );
        },
      },
      preRequest: {
        preRequest: ({ attributes }, result) => {
          const chain = attributes.get(chainOut);
          const matches = attributes.get(matchesOut);
          if (chain === undefined || matches === undefined) return;
          const [destination] = result.endpoints;
          if (chain.length > 0) {
            const matched = matches.matchedBlocks(destination);
            hitRatio.observe(matched / chain.length);
            hitBytes.observe(matched * matches.blockSizeTokens * BYTES_PER_TOKEN);
          }
          learn(destination, chain, matches.blockSizeTokens);
          const prefill = result.outcomes.get(PREFILL_PROFILE)?.picked[0];
          if (prefill !== undefined) learn(prefill, chain, matches.blockSizeTokens);
        },
      },
      endpoints: {
        endpointRemoved: ({ slot }) => {
          size.add(-(caches[slot]?.size ?? 0));
          caches[slot] = undefined;
        },
      },
    };
  },
});

interface MatchInput {
  readonly candidates: readonly Endpoint[];
  readonly caches: readonly (PrefixLru | undefined)[];
  readonly blockSizeTokens: number;
  readonly promptTokens: number;
}

function matchesOf(chain: Float64Array, input: MatchInput): PrefixMatches {
  const { candidates, caches, blockSizeTokens, promptTokens } = input;
  const matched = new Int32Array(caches.length);
  for (const { slot } of candidates) {
    const cache = caches[slot];
    if (cache !== undefined) matched[slot] = cache.matchLength(chain);
  }
  return {
    totalBlocks: chain.length,
    blockSizeTokens,
    promptTokens,
    matchedBlocks: ({ slot }) => matched[slot] ?? 0,
  };
}

/** One size for the whole fleet, because the chain depends on it: the largest that any engine uses. */
function blockSizeFor(candidates: readonly Endpoint[], settings: Parameters): number {
  if (!settings.autoTune) return settings.blockSizeTokens;
  let largest = 0;
  for (const { metrics } of candidates) largest = Math.max(largest, metrics.kvBlockSizeTokens ?? 0);
  return Math.max(SMALLEST_TUNED_BLOCK_TOKENS, largest || settings.blockSizeTokens);
}

function capacityOf({ metrics }: Endpoint, blockSizeTokens: number, settings: Parameters): number {
  const { kvBlocks, kvBlockSizeTokens } = metrics;
  if (!settings.autoTune || kvBlocks === undefined || kvBlockSizeTokens === undefined) {
    return settings.lruCapacityPerServer;
  }
  return Math.max(1, Math.floor((kvBlocks * kvBlockSizeTokens) / blockSizeTokens));
}

function maxBlocks(settings: Parameters, blockSizeTokens: number): number {
  return settings.maxPrefixTokensToMatch === 0
    ? settings.maxPrefixBlocksToMatch
    : Math.ceil(settings.maxPrefixTokensToMatch / blockSizeTokens);
}
