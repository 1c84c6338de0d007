// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  encoderCacheMatches,
  tokenizedPrompt,
  type EncoderCacheMatches,
  type Endpoint,
  type MediaItem,
  type SchedulingCycle,
  type SchedulingResult,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import { createEncoderCacheMetrics } from './encoder-cache-metrics.ts';
import { RecentKeys } from './recent-keys.ts';

/** What one item is taken to need in an encoder cache. */
const MEBIBYTES_PER_ITEM = 2;
/** Profile whose pick computes the prompt, and encodes what nobody else did. */
const PREFILL_PROFILE = 'prefill';

const parameters = z.strictObject({
  cacheSizeInMBPerServer: z
    .int()
    .min(1)
    .default(4096)
    .describe('Encoder cache of one server in MiB; an item is taken for 2 MiB.'),
  encodeProfile: z
    .string()
    .min(1)
    .default('encode')
    .describe('Profile that chooses the servers that encode.'),
});

/**
 * Guesses which server has encoded which pictures, sounds and films from where earlier ones were sent. Every server is
 * taken for an LRU cache of items.
 */
export const mmEmbeddingsCacheProducer = definePlugin({
  type: 'mm-embeddings-cache-producer',
  summary: 'Guesses which media each server has encoded from the requests it was sent before.',
  stability: 'beta',
  points: ['data-producer', 'pre-request'],
  parameters,
  consumes: () => [tokenizedPrompt()],
  produces: (_, name) => [encoderCacheMatches(name)],
  isDefaultProducer: true,
  create: ({ cacheSizeInMBPerServer, encodeProfile }, { name, telemetry }) => {
    const metrics = createEncoderCacheMetrics(telemetry.metrics, {
      plugin_type: 'mm-embeddings-cache-producer',
      plugin_name: name,
    });
    const output = encoderCacheMatches(name);
    const capacity = Math.max(1, Math.floor(cacheSizeInMBPerServer / MEBIBYTES_PER_ITEM));
    const caches: (RecentKeys | undefined)[] = [];
    return {
      producer: {
        produce: (cycle, candidates, { attributes }) => {
          const items = sizedItems(cycle);
          if (items.length === 0) return;
          attributes.set(output, matchesOf(items, caches));
          const keys = new Set(items.map(({ key }) => key));
          for (const { slot } of candidates) metrics.matched(shareOf(keys, caches[slot]));
        },
      },
      preRequest: {
        preRequest: (cycle, result) => {
          const items = sizedItems(cycle);
          if (items.length === 0) return;
          for (const encoder of encodersOf(result, encodeProfile)) {
            const cache = (caches[encoder.slot] ??= new RecentKeys(capacity));
            for (const { key, kind } of items) {
              metrics.looked(encoder, kind, cache.has(key));
              cache.touch(key);
            }
          }
        },
      },
      endpoints: {
        endpointRemoved: ({ slot }) => {
          caches[slot] = undefined;
        },
      },
    };
  },
});

/** Encoders of its own if there are any, else the server that computes the prompt. */
function encodersOf(
  { outcomes, endpoints }: SchedulingResult,
  encodeProfile: string,
): readonly Endpoint[] {
  const encoders = outcomes.get(encodeProfile)?.picked ?? [];
  return encoders.length > 0
    ? encoders
    : [outcomes.get(PREFILL_PROFILE)?.picked[0] ?? endpoints[0]];
}

interface SizedItem {
  readonly kind: MediaItem['kind'];
  readonly key: string;
  readonly size: number;
}

/** What was found of media when the prompt was tokenized, else what the request says of them. */
function sizedItems({ request, attributes }: SchedulingCycle): readonly SizedItem[] {
  const features = attributes.get(tokenizedPrompt())?.media;
  if (features !== undefined) {
    return features.map(({ kind, key, length }) => ({ kind, key, size: length }));
  }
  return (request.mediaItems ?? []).map(({ kind, key, sizeTokens = 1 }) => ({
    kind,
    key,
    size: sizeTokens,
  }));
}

function shareOf(keys: ReadonlySet<string>, cache: RecentKeys | undefined): number {
  if (cache === undefined) return 0;
  let held = 0;
  for (const key of keys) if (cache.has(key)) held++;
  return held / keys.size;
}

/** An item that comes twice is encoded once. */
function matchesOf(
  items: readonly SizedItem[],
  caches: readonly (RecentKeys | undefined)[],
): EncoderCacheMatches {
  const sizes = new Map(items.map(({ key, size }) => [key, size]));
  const sum = (counts: (key: string) => boolean): number => {
    let total = 0;
    for (const [key, size] of sizes) if (counts(key)) total += size;
    return total;
  };
  return {
    totalSize: sum(() => true),
    matchedSize: ({ slot }) => {
      const cache = caches[slot];
      return cache === undefined ? 0 : sum((key) => cache.has(key));
    },
  };
}
