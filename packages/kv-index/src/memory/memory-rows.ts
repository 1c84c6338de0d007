// SPDX-License-Identifier: Apache-2.0
import type { ByteWriter } from '../rows/byte-writer.ts';
import type { KvIndexRows, KvRowDirectory } from '../rows/index-rows.ts';
import { writeRun, writeSingle } from '../rows/row-codec.ts';
import type { BlockTable } from './block-table.ts';
import type { Holders } from './holders.ts';
import { NOBODY, type OwnerSets } from './owner-sets.ts';
import type { Planes } from './planes.ts';

/** The tables that rows are read from. */
export interface RowTables {
  readonly blocks: BlockTable;
  readonly owners: OwnerSets;
  readonly holders: Holders;
  readonly planes: Planes;
  readonly blockSizeTokens: number;
}

/** The rows of an index in memory. */
export class MemoryRows implements KvIndexRows {
  readonly #tables: RowTables;
  readonly #lives: number[] = [];

  constructor(tables: RowTables) {
    this.#tables = tables;
  }

  get count(): number {
    return this.#tables.blocks.size;
  }

  get parts(): number {
    return this.#tables.blocks.parts;
  }

  keysOf(part: number): Uint32Array {
    return this.#tables.blocks.keysOf(part);
  }

  directory(): KvRowDirectory {
    const { holders, planes, blockSizeTokens } = this.#tables;
    const live = holders.bySlot.filter((holder) => holder !== undefined);
    return {
      blockSizeTokens,
      holders: live.map(({ life, source, namesGroups, groups }) => ({
        ...{ life, source, namesGroups },
        groups: [...groups],
      })),
      tiers: planes.tiers.map(({ name }) => name),
      planes: planes.all.map(({ tier, group }) => [tier, group]),
    };
  }

  write(low: number, high: number, to: ByteWriter): void {
    const { blocks, owners, holders } = this.#tables;
    const owner = blocks.ownerOf(low, high);
    if (owner === NOBODY) return;
    if (owners.isSet(owner)) this.#writeSet(owner, to);
    else writeSingle(to, owners.plane(owner), holders.lifeOf(owners.slot(owner)));
  }

  #writeSet(owner: number, to: ByteWriter): void {
    const { owners, holders } = this.#tables;
    const { words, width, planes } = owners;
    const base = owners.base(owner);
    for (let plane = 0; plane < planes; plane++) {
      this.#lives.length = 0;
      for (let word = 0; word < width; word++) {
        let rest = words[base + plane * width + word] as number;
        for (; rest !== 0; rest &= rest - 1) {
          const slot = 32 * word + 31 - Math.clz32(rest & -rest);
          this.#lives.push(holders.lifeOf(slot));
        }
      }
      if (this.#lives.length > 0) writeRun(to, plane, this.#lives);
    }
  }
}
