// SPDX-License-Identifier: Apache-2.0
import { staticTable } from './static-table.ts';

/** A header's name, lower-case, and its value, both Latin-1. */
export type HeaderField = readonly [name: string, value: string];

const exactIndex = new Map(staticTable.map(([name, value], i) => [`${name}\n${value}`, i + 1]));
const nameIndex = new Map(staticTable.map(([name], i) => [name, i + 1] as const).reverse());

/**
 * A header block that uses the static table only. Without a dynamic table a block is the same bytes wherever it is
 * sent, so the blocks of a normal response are made once per process, and a peer cannot grow state in us.
 */
export function encodeHeaders(fields: Iterable<HeaderField>): Buffer {
  const out: number[] = [];
  for (const [name, value] of fields) {
    const exact = exactIndex.get(`${name}\n${value}`);
    if (exact !== undefined) {
      integer(out, exact, { bits: 7, flags: 0x80 });
      continue;
    }
    integer(out, nameIndex.get(name) ?? 0, { bits: 4, flags: 0 });
    if (!nameIndex.has(name)) string(out, name);
    string(out, value);
  }
  return Buffer.from(out);
}

/** RFC 7541 section 6.3, size 0: what a peer that shrank its table must hear before the next block. */
export const emptyTableUpdate = Buffer.of(0x20);

function string(out: number[], text: string): void {
  integer(out, text.length, { bits: 7, flags: 0 });
  for (let i = 0; i < text.length; i++) out.push(text.charCodeAt(i) & 0xff);
}

function integer(
  out: number[],
  value: number,
  prefix: { readonly bits: number; readonly flags: number },
): void {
  const mask = (1 << prefix.bits) - 1;
  if (value < mask) {
    out.push(prefix.flags | value);
    return;
  }
  out.push(prefix.flags | mask);
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) out.push((rest & 0x7f) | 0x80);
  out.push(rest);
}
