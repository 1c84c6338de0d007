// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import type { Awaitable } from '../kv-block-index.ts';
import { ByteWriter } from './byte-writer.ts';
import type { KvIndexRows, KvRowHolder } from './index-rows.ts';
import { readRow } from './row-codec.ts';

/** Rows that are read in one turn of the event loop. */
const SLICE_ROWS = 4096;

/** Where a block is, as a row says it. */
export interface KvBlockOwner {
  readonly holder: KvRowHolder;
  readonly tier: string;
  /** KV-cache group. */
  readonly group: number;
}

/** A row while {@link walkKvRows} stands at it. The owners' list is used again for the next one. */
export interface KvWalkedRow {
  readonly low: number;
  readonly high: number;
  readonly owners: readonly KvBlockOwner[];
}

/**
 * Goes through all rows, in slices between which the index may change: blocks that stay are met once, those that come or
 * go meanwhile may be met or not. Rows of which nobody living is an owner are left out. Waits where `visit` gives a
 * promise, and ends early where it gives false; rejects with the signal's reason.
 */
export async function walkKvRows(
  rows: KvIndexRows,
  visit: (row: KvWalkedRow) => Awaitable<boolean>,
  signal?: AbortSignal,
): Promise<void> {
  const reader = new RowReader(rows);
  for (let part = 0; part < rows.parts; part++) {
    const keys = rows.keysOf(part);
    for (let at = 0; at < keys.length; at += 2) {
      if (at % (2 * SLICE_ROWS) === 0) {
        await setImmediate();
        signal?.throwIfAborted();
        reader.refresh();
      }
      const row = reader.read(keys[at] as number, keys[at + 1] as number);
      if (row.owners.length === 0) continue;
      const more = visit(row);
      if (!(more instanceof Promise ? await more : more)) return;
    }
  }
}

class RowReader {
  readonly #rows: KvIndexRows;
  readonly #bytes = new ByteWriter();
  readonly #owners: KvBlockOwner[] = [];
  /** By life, then by plane: made once for all rows that name them. */
  #known = new Map<number, (KvBlockOwner | undefined)[]>();
  readonly #visit: (plane: number, life: number) => void;

  constructor(rows: KvIndexRows) {
    this.#rows = rows;
    this.#visit = (plane, life) => {
      const owner = this.#known.get(life)?.[plane];
      if (owner !== undefined) this.#owners.push(owner);
    };
  }

  /** The numbers in rows may stand for more than before. */
  refresh(): void {
    const { holders, planes, tiers } = this.#rows.directory();
    this.#known = new Map(
      holders.map((holder) => [
        holder.life,
        this.#known.get(holder.life)?.length === planes.length
          ? (this.#known.get(holder.life) ?? [])
          : planes.map(([tier, group]) => ({ holder, tier: tiers[tier] ?? '', group })),
      ]),
    );
  }

  read(low: number, high: number): KvWalkedRow {
    this.#bytes.length = 0;
    this.#owners.length = 0;
    this.#rows.write(low, high, this.#bytes);
    readRow(this.#bytes.bytes.subarray(0, this.#bytes.length), this.#visit);
    return { low, high, owners: this.#owners };
  }
}
