// SPDX-License-Identifier: Apache-2.0
import type { Engine } from '@llm-d/engine-sim';
import type { KvEventPublisher } from './kv-event-publisher.ts';

/**
 * The body of `GET /debug/kv-cache`: what the caches truly hold, beside what was said about it. Hashes are those of the
 * events, as decimal texts; each comes with the number of its copies.
 */
export function cacheReport(
  engine: Engine,
  rank: number,
  publisher: KvEventPublisher | undefined,
): object {
  const { model, blockSizeTokens, hashSeed } = engine.config;
  return {
    model,
    block_size: blockSizeTokens,
    hash_seed: hashSeed,
    data_parallel_rank: rank,
    tiers: engine.cacheContents().map(({ medium, copies }) => ({
      medium,
      blocks: copies.size,
      copies: [...copies.values()].reduce((sum, count) => sum + count, 0),
      hashes: Object.fromEntries([...copies].map(([hash, count]) => [String(hash), count])),
    })),
    events: publisher === undefined ? null : eventReport(publisher),
  };
}

function eventReport(publisher: KvEventPublisher): object {
  const { lives, batches, dropped, truncated } = publisher.counts();
  return { ...publisher.address, lives, next_sequence: batches, dropped, truncated };
}

/** The body of `POST /debug/kv-cache`: which leading blocks of a prompt are where, each in its fastest cache. */
export function prefixReport(media: readonly string[], wholeBlocks: number): object {
  const byMedium: Record<string, number> = {};
  for (const medium of media) byMedium[medium] = (byMedium[medium] ?? 0) + 1;
  return { blocks: wholeBlocks, cached_blocks: media.length, by_medium: byMedium };
}
