// SPDX-License-Identifier: Apache-2.0
import type { AttentionGroup } from '../attention-group.ts';
import type { KvEventSource } from '../kv-block-index.ts';
import { EngineTable } from './engine-table.ts';
import { PartialBlocks } from './partial-blocks.ts';

/** A holder as lookups see it. */
export interface OwningHolder {
  /** Its bit in the owners of blocks. */
  readonly slot: number;
  readonly source: KvEventSource;
  /** What each KV-cache group it has stored into needs. */
  readonly groups: ReadonlyMap<number, AttentionGroup>;
}

/** One life of a source, and what it has. After a clear, a source goes on as another holder. */
export interface Holder extends OwningHolder {
  /** Number of this life: unlike the slot, it never serves again. */
  readonly life: number;
  /** Whether its events say to which group a block belongs. */
  namesGroups: boolean;
  readonly engine: EngineTable;
  readonly groups: Map<number, AttentionGroup>;
  readonly partial: PartialBlocks;
  /** Whether two of its engine hashes ever stood for the same block in the same plane. */
  hasDoubles: boolean;
}

export function newHolder(slot: number, life: number, source: KvEventSource): Holder {
  return {
    ...{ slot, life, source },
    namesGroups: false,
    engine: new EngineTable(),
    groups: new Map(),
    partial: new PartialBlocks(),
    hasDoubles: false,
  };
}

/** One group that needs all blocks: the prefix is as long as the blocks have no gap. */
export function isPlain(holder: OwningHolder): boolean {
  if (holder.groups.size !== 1) return holder.groups.size === 0;
  const [group] = holder.groups.values();
  return group?.needs === 'all';
}
