// SPDX-License-Identifier: Apache-2.0

/** Writes the payloads of a model server that stores blocks: MessagePack as vLLM makes it. */
export interface KvEventStream {
  /** Tokens in a block. */
  readonly blockSizeTokens: number;
  readonly blocksPerEvent: number;
  readonly eventsPerBatch: number;
}

/** One payload whose blocks nobody has had before; `number` says which. */
export const storedPayload = (number: number, stream: KvEventStream): Uint8Array =>
  storedPayloads(number, 1, stream)[0] ?? new Uint8Array(0);

/**
 * So many payloads one after the other, views of the same memory: a measured loop over them does not also pay for the
 * garbage of thousands of buffers.
 */
export function storedPayloads(
  first: number,
  count: number,
  stream: KvEventStream,
): readonly Uint8Array[] {
  const { blocksPerEvent, eventsPerBatch, blockSizeTokens } = stream;
  const bytesPerEvent = 300 + blocksPerEvent * (10 + 5 * blockSizeTokens);
  const writer = new Writer(count * (64 + eventsPerBatch * bytesPerEvent));
  return Array.from({ length: count }, (_, i) => {
    writer.begin();
    writer.byte(0x93).double(1.5).array(eventsPerBatch);
    for (let event = 0; event < eventsPerBatch; event++) {
      storedEvent(writer, ((first + i) * eventsPerBatch + event) * blocksPerEvent, stream);
    }
    return writer.byte(0).bytes;
  });
}

function storedEvent(writer: Writer, first: number, stream: KvEventStream): void {
  const { blocksPerEvent, blockSizeTokens } = stream;
  writer.byte(0x8b).text('type').text('BlockStored').text('block_hashes').array(blocksPerEvent);
  for (let block = first; block < first + blocksPerEvent; block++) writer.hash(block);
  writer.text('parent_block_hash').byte(0xc0);
  writer.text('token_ids').array(blocksPerEvent * blockSizeTokens);
  for (let i = 0; i < blocksPerEvent * blockSizeTokens; i++) {
    writer.token((first * blockSizeTokens + i) % 150_000);
  }
  writer.text('block_size').token(blockSizeTokens);
  writer.text('lora_id').byte(0xc0).text('medium').text('GPU').text('lora_name').byte(0xc0);
  writer.text('extra_keys').array(blocksPerEvent);
  for (let block = 0; block < blocksPerEvent; block++) writer.byte(0xc0);
  writer.text('group_idx').byte(0).text('kv_cache_spec_kind').text('full_attention');
}

function mixed(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

class Writer {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #begin = 0;
  #at = 0;

  constructor(most: number) {
    this.#bytes = new Uint8Array(most);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A payload begins here. */
  begin(): void {
    this.#begin = this.#at;
  }

  /** What was written since it began. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(this.#begin, this.#at);
  }

  byte(value: number): this {
    this.#bytes[this.#at++] = value;
    return this;
  }

  double(value: number): this {
    this.byte(0xcb);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
    return this;
  }

  array(length: number): this {
    this.byte(0xdd);
    this.#view.setUint32(this.#at, length);
    this.#at += 4;
    return this;
  }

  /** ASCII of less than 32 characters. */
  text(value: string): this {
    this.byte(0xa0 | value.length);
    for (let i = 0; i < value.length; i++) this.byte(value.charCodeAt(i));
    return this;
  }

  /** A 64-bit hash that looks random and is different for each block. */
  hash(block: number): this {
    this.byte(0xcf);
    this.#view.setUint32(this.#at, mixed(block));
    this.#view.setUint32(this.#at + 4, mixed(~block));
    this.#at += 8;
    return this;
  }

  token(value: number): this {
    if (value < 128) return this.byte(value);
    if (value < 65_536) {
      this.byte(0xcd);
      this.#view.setUint16(this.#at, value);
      this.#at += 2;
      return this;
    }
    this.byte(0xce);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
    return this;
  }
}
