// SPDX-License-Identifier: Apache-2.0
import type { BlockPool } from './block-pool.ts';
import { GPU_MEDIUM } from './batch.ts';
import { blockHash } from './kv-events/block-hash.ts';
import { CPU_MEDIUM, type OffloadTiers } from './offload/offload-tiers.ts';

/** What one cache of an engine holds. */
export interface TierContents {
  /** As in events: `GPU`, `CPU`, or the shared storage's word. */
  readonly medium: string;
  /** Published hashes, each with the number of its copies. */
  readonly copies: ReadonlyMap<bigint, number>;
}

/** What the caches hold at this instant, from the fastest one on. Walks through all of it. */
export function cacheContents(pool: BlockPool, offload: OffloadTiers | undefined): TierContents[] {
  const tiers = [{ medium: GPU_MEDIUM, copies: counted(pool.contents()) }];
  if (offload?.cpu !== undefined) {
    tiers.push({ medium: CPU_MEDIUM, copies: counted(offload.cpu.keys()) });
  }
  if (offload?.shared !== undefined) {
    tiers.push({ medium: offload.shared.medium, copies: counted(offload.shared.keys()) });
  }
  return tiers;
}

/** The media of the chain's leading blocks that need not be computed, each in its fastest cache. */
export function prefixMedia(
  chain: Float64Array,
  pool: BlockPool,
  offload: OffloadTiers | undefined,
): string[] {
  const media: string[] = [];
  for (const key of chain) {
    if (pool.has(key)) media.push(GPU_MEDIUM);
    else if (offload?.cpu?.has(key) === true) media.push(CPU_MEDIUM);
    else if (offload?.shared?.has(key) === true) media.push(offload.shared.medium);
    else break;
  }
  return media;
}

function counted(keys: Iterable<number>): Map<bigint, number> {
  const counts = new Map<bigint, number>();
  for (const key of keys) {
    const hash = blockHash(key);
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return counts;
}
