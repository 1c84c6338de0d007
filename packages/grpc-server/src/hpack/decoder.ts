// SPDX-License-Identifier: Apache-2.0
import { DynamicTable, entryOverhead } from './dynamic-table.ts';
import { HpackError } from './hpack-error.ts';
import { decodeHuffman } from './huffman.ts';
import { staticTable } from './static-table.ts';

/** Headers in the order they came. Octets are characters 0 to 255. */
export interface HeaderList {
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** The headers were more than the limit; what is here is the part that fitted. */
  readonly tooLarge: boolean;
}

/** Limits of a decoder. */
export interface HpackDecoderOptions {
  /** SETTINGS_HEADER_TABLE_SIZE as we announced it. */
  readonly maxTableSize: number;
  /** Octets of one header list as RFC 9113 section 10.5.1 counts them; headers beyond it are dropped. */
  readonly maxHeaderListSize: number;
}

const emptyBytes = Buffer.alloc(0);
/** Longer blocks are not remembered. */
const maxRemembered = 1024;

/** No integer of a sane header block needs more; RFC 7541 section 5.1 lets an implementation set a limit. */
const maxInteger = 2 ** 24;

/** Decodes the header blocks of one direction of one connection, in their order (RFC 7541). */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #options: HpackDecoderOptions;
  #bytes: Buffer = emptyBytes;
  #at = 0;
  #names: string[] = [];
  #values: string[] = [];
  #size = 0;
  /** A block that left the table alone, what it said, and the state of the table that it was read with. */
  #known:
    { readonly block: Buffer; readonly list: HeaderList; readonly changes: number } | undefined;

  constructor(options: HpackDecoderOptions) {
    this.#options = options;
    this.#table = new DynamicTable(options.maxTableSize);
  }

  /**
   * Decodes one complete block. The table follows the whole block also when the list gets too large. A block that is
   * repeated, as a proxy does for its streams, gives the same list again.
   * Throws {@link HpackError}, after which the decoder must not be used again.
   */
  decode(block: Buffer): HeaderList {
    const known = this.#known;
    const { changes } = this.#table;
    if (known?.changes === changes && known.block.equals(block)) return known.list;
    const list = this.#decode(block);
    // Otherwise the bytes mean something else the next time.
    if (changes === this.#table.changes && block.length <= maxRemembered)
      this.#known = { block: Buffer.from(block), list, changes };
    return list;
  }

  #decode(block: Buffer): HeaderList {
    this.#bytes = block;
    this.#at = 0;
    this.#names = [];
    this.#values = [];
    this.#size = 0;
    this.#sizeUpdates();
    while (this.#at < block.length) this.#field(block[this.#at] ?? 0);
    this.#bytes = emptyBytes;
    const tooLarge = this.#size > this.#options.maxHeaderListSize;
    return { names: this.#names, values: this.#values, tooLarge };
  }

  /** Section 4.2: only the beginning of a block may change the size of the table. */
  #sizeUpdates(): void {
    while (((this.#bytes[this.#at] ?? 0) & 0xe0) === 0x20) {
      const size = this.#integer(5);
      if (size > this.#options.maxTableSize)
        throw new HpackError(`table size ${size} is more than ${this.#options.maxTableSize}`);
      this.#table.resize(size);
    }
  }

  #field(first: number): void {
    if ((first & 0x80) !== 0) {
      const index = this.#integer(7);
      this.#emit(this.#nameAt(index), this.#valueAt(index));
    } else if ((first & 0x40) !== 0) {
      const name = this.#name(6);
      const value = this.#string();
      this.#table.add(name, value);
      this.#emit(name, value);
    } else if ((first & 0x20) !== 0) {
      throw new HpackError('table size update in the middle of a block');
    } else {
      // Without indexing or never indexed: we re-encode nothing, so the two are the same to us.
      const name = this.#name(4);
      this.#emit(name, this.#string());
    }
  }

  #emit(name: string, value: string): void {
    this.#size += name.length + value.length + entryOverhead;
    if (this.#size > this.#options.maxHeaderListSize) return;
    this.#names.push(name);
    this.#values.push(value);
  }

  #name(prefixBits: number): string {
    const index = this.#integer(prefixBits);
    return index === 0 ? this.#string() : this.#nameAt(index);
  }

  #nameAt(index: number): string {
    const fixed = staticTable[index - 1];
    if (fixed !== undefined) return fixed[0];
    return this.#table.name(this.#dynamicIndex(index));
  }

  #valueAt(index: number): string {
    const fixed = staticTable[index - 1];
    if (fixed !== undefined) return fixed[1];
    return this.#table.value(this.#dynamicIndex(index));
  }

  #dynamicIndex(index: number): number {
    const dynamic = index - 1 - staticTable.length;
    if (dynamic < 0 || dynamic >= this.#table.length)
      throw new HpackError(`no header has index ${index}`);
    return dynamic;
  }

  #string(): string {
    const huffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#bytes.length) throw new HpackError('string runs past the end of the block');
    this.#at = end;
    if (huffman) return decodeHuffman(this.#bytes, start, end);
    return this.#bytes.toString('latin1', start, end);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#octet() & mask;
    if (value < mask) return value;
    for (let shift = 1; ; shift *= 128) {
      const octet = this.#octet();
      value += (octet & 0x7f) * shift;
      if (value > maxInteger || shift > maxInteger) throw new HpackError('integer too large');
      if ((octet & 0x80) === 0) return value;
    }
  }

  #octet(): number {
    const octet = this.#bytes[this.#at++];
    if (octet === undefined) throw new HpackError('block ends too early');
    return octet;
  }
}
