// SPDX-License-Identifier: Apache-2.0
import { type TierWeights, defaultTierWeights } from '../cache-tier.ts';
import type { KvUnplacedReason } from '../kv-block-index.ts';
import { BlockTable } from './block-table.ts';
import { Holders } from './holders.ts';
import { OwnerSets } from './owner-sets.ts';
import { Planes } from './planes.ts';

/** Everything that an index in memory knows. */
export interface IndexTables {
  readonly owners: OwnerSets;
  readonly blocks: BlockTable;
  readonly holders: Holders;
  readonly planes: Planes;
  /** Blocks that could not be placed since the beginning, by reason. */
  readonly unplaced: Partial<Record<KvUnplacedReason, number>>;
  /** Copies that were forgotten for lack of memory since the beginning. */
  readonly evicted: number;
}

/** Tables that know nothing yet. */
export function emptyTables(tierWeights: TierWeights | undefined): IndexTables {
  const owners = new OwnerSets();
  return {
    owners,
    blocks: new BlockTable(owners),
    holders: new Holders(),
    planes: new Planes({ ...defaultTierWeights, ...tierWeights }),
    unplaced: {},
    evicted: 0,
  };
}
