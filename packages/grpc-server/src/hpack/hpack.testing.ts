// SPDX-License-Identifier: Apache-2.0
import type { HeaderField } from './encoder.ts';
import { huffmanCodes, huffmanLengths } from './huffman-code.ts';
import { staticTable } from './static-table.ts';

const codes = huffmanCodes();

/** Huffman-codes octets, each a character. */
export function encodeHuffman(text: string): Buffer {
  let bits = '';
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i);
    bits += (codes[symbol] ?? 0).toString(2).padStart(huffmanLengths[symbol] ?? 0, '0');
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, '1');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((octet) => parseInt(octet, 2)));
}

/** How an encoder may represent one field. */
export interface Representation {
  readonly huffman: boolean;
  readonly indexing: 'incremental' | 'without' | 'never';
}

/** An encoder that uses everything RFC 7541 has, with its own dynamic table: the opposite of the one in use. */
export class FullEncoder {
  readonly #table: HeaderField[] = [];

  field([name, value]: HeaderField, how: Representation): Buffer {
    const all = [...staticTable, ...this.#table];
    const exact = all.findIndex(([n, v]) => n === name && v === value);
    if (exact !== -1) return integer(exact + 1, 7, 0x80);
    const named = all.findIndex(([n]) => n === name) + 1;
    const [bits, flags] = { incremental: [6, 0x40], without: [4, 0], never: [4, 0x10] }[
      how.indexing
    ] as [number, number];
    if (how.indexing === 'incremental') this.#add([name, value]);
    const literalName = named === 0 ? [string(name, how.huffman)] : [];
    return Buffer.concat([integer(named, bits, flags), ...literalName, string(value, how.huffman)]);
  }

  #add(field: HeaderField): void {
    this.#table.unshift(field);
    const size = (): number =>
      this.#table.reduce((sum, [n, v]) => sum + n.length + v.length + 32, 0);
    while (size() > 4096) this.#table.pop();
  }
}

function string(text: string, huffman: boolean): Buffer {
  const octets = huffman ? encodeHuffman(text) : Buffer.from(text, 'latin1');
  return Buffer.concat([integer(octets.length, 7, huffman ? 0x80 : 0), octets]);
}

function integer(value: number, bits: number, flags: number): Buffer {
  const mask = 2 ** bits - 1;
  if (value < mask) return Buffer.of(flags | value);
  const octets = [flags | mask];
  let rest = value - mask;
  for (; rest >= 128; rest >>= 7) octets.push((rest & 127) | 128);
  return Buffer.from([...octets, rest]);
}
