// SPDX-License-Identifier: Apache-2.0
import { HpackError } from './hpack-error.ts';
import { endOfString, huffmanCodes, huffmanLengths, huffmanSymbols } from './huffman-code.ts';

/**
 * Decoding looks at eight bits at a time. `table[node * 256 + bits]` is either the next node (a code longer than
 * eight bits goes on there) or, with `leaf` set, a symbol and how many of the eight bits belong to it.
 */
const leaf = 0x8000;
const table = buildTable();

function buildTable(): Uint16Array {
  const codes = huffmanCodes();
  const cells: number[] = new Array<number>(256).fill(0);
  for (let symbol = 0; symbol < huffmanSymbols; symbol++) {
    const code = codes[symbol] ?? 0;
    let bits = huffmanLengths[symbol] ?? 0;
    let node = 0;
    for (; bits > 8; bits -= 8) {
      const at = node * 256 + ((code >>> (bits - 8)) & 0xff);
      if (cells[at] === 0) {
        cells[at] = cells.length / 256;
        for (let i = 0; i < 256; i++) cells.push(0);
      }
      node = cells[at] ?? 0;
    }
    // The symbol owns every cell that starts with its last bits. End of string stays 0: its code is an error.
    if (symbol === endOfString) continue;
    const first = node * 256 + ((code << (8 - bits)) & 0xff);
    cells.fill(leaf | (bits << 8) | symbol, first, first + 2 ** (8 - bits));
  }
  return Uint16Array.from(cells);
}

/** Codes are five bits at least, so this many octets at most come out of one. */
const maxExpansion = 8 / 5;

let scratch = Buffer.allocUnsafeSlow(1024);

/** The Huffman-coded string in `bytes[start, end)`, each octet one character. Throws {@link HpackError}. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string {
  const room = Math.ceil((end - start) * maxExpansion);
  // Never larger than a header block, whose size the connection limits.
  if (scratch.length < room) scratch = Buffer.allocUnsafeSlow(room);
  let length = 0;
  let node = 0;
  let window = 0;
  let bits = 0;
  let bitsOfSymbol = 0;
  for (let at = start; at < end; at++) {
    window = ((window << 8) | (bytes[at] ?? 0)) & 0xffff;
    bits += 8;
    bitsOfSymbol += 8;
    while (bits >= 8) {
      const cell = table[node * 256 + ((window >>> (bits - 8)) & 0xff)] ?? 0;
      if ((cell & leaf) === 0) {
        if (cell === 0) throw new HpackError('end of string inside a Huffman string');
        node = cell;
        bits -= 8;
        continue;
      }
      scratch[length++] = cell & 0xff;
      bits -= (cell >>> 8) & 0xf;
      bitsOfSymbol = bits;
      node = 0;
    }
  }
  // What is left may hold short symbols and must end in padding.
  while (bits > 0) {
    const cell = table[node * 256 + ((window << (8 - bits)) & 0xff)] ?? 0;
    const used = (cell >>> 8) & 0xf;
    if ((cell & leaf) === 0 || used > bits) break;
    scratch[length++] = cell & 0xff;
    bits -= used;
    bitsOfSymbol = bits;
    node = 0;
  }
  const ones = (1 << bits) - 1;
  if (bitsOfSymbol > 7 || (window & ones) !== ones) throw new HpackError('bad Huffman padding');
  return scratch.toString('latin1', 0, length);
}
