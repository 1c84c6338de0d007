// SPDX-License-Identifier: Apache-2.0
import type { AttentionGroup } from '../attention-group.ts';
import type { KvEventSource } from '../kv-block-index.ts';
import { EngineTable } from './engine-table.ts';
import { PartialBlocks } from './partial-blocks.ts';

/** One life of a source, and what it has. After a clear, a source goes on as another holder. */
export interface Holder {
  /** Its bit in the owners of blocks. */
  readonly slot: number;
  readonly source: KvEventSource;
  readonly engine: EngineTable;
  /** What each KV-cache group it has stored into needs. */
  readonly groups: Map<number, AttentionGroup>;
  readonly partial: PartialBlocks;
}

export function newHolder(slot: number, source: KvEventSource): Holder {
  const engine = new EngineTable();
  return { slot, source, engine, groups: new Map(), partial: new PartialBlocks() };
}

/** One group that needs all blocks: the prefix is as long as the blocks have no gap. */
export function isPlain(holder: Holder): boolean {
  if (holder.groups.size !== 1) return holder.groups.size === 0;
  const [group] = holder.groups.values();
  return group?.needs === 'all';
}
