// SPDX-License-Identifier: Apache-2.0
import type { ByteWriter } from './byte-writer.ts';

/**
 * A row: who has a block, as bytes. For each plane one run: the plane's number (a byte), how many lives follow, the
 * first life, and for each further one the difference from the one before, as zigzag. All but the plane are varints. A
 * block of one owner takes three to five bytes, one of many about one byte each.
 */
export function writeRun(to: ByteWriter, plane: number, lives: ArrayLike<number>): void {
  to.byte(plane);
  to.varint(lives.length);
  let before = 0;
  for (let i = 0; i < lives.length; i++) {
    const life = lives[i] as number;
    if (i === 0) to.varint(life);
    else to.varint(zigzag(life - before));
    before = life;
  }
}

/** The row of a block that one holder has in one plane. */
export function writeSingle(to: ByteWriter, plane: number, life: number): void {
  to.byte(plane);
  to.byte(1);
  to.varint(life);
}

/** Calls `visit` for each owner of a row. False: the bytes are no row; some of it may have been visited. */
export function readRow(row: Uint8Array, visit: (plane: number, life: number) => void): boolean {
  const cursor = { at: 0 };
  while (cursor.at < row.length) {
    const plane = row[cursor.at++] as number;
    const count = varint(row, cursor);
    let life = 0;
    // A life takes a byte at least: what says more is damaged.
    if (count < 1 || count > row.length) return false;
    for (let i = 0; i < count; i++) {
      const value = varint(row, cursor);
      if (value < 0) return false;
      life = i === 0 ? value : life + unzigzag(value);
      visit(plane, life);
    }
  }
  return true;
}

/** The number at the cursor; -1 behind the end. */
function varint(row: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = row[cursor.at++];
    if (byte === undefined) return -1;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return value >>> 0;
  }
  return -1;
}

const zigzag = (value: number): number => ((value << 1) ^ (value >> 31)) >>> 0;
const unzigzag = (value: number): number => (value >>> 1) ^ -(value & 1);
