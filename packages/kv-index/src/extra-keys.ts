// SPDX-License-Identifier: Apache-2.0
import type { MsgpackReader } from './msgpack-reader.ts';

/**
 * Reads the `extra_keys` of an event: for each block nil or a list. Of a list count its strings (an adapter name, a
 * salt, a bare multimodal identifier) and the identifiers of `[identifier, offset]` pairs and of pairs that say what they
 * are (`["mm", identifier, offset]`, `["cache_salt", salt]`). Null if no block has any.
 */
export function readExtraKeys(reader: MsgpackReader): readonly (readonly string[] | null)[] | null {
  if (reader.nil()) return null;
  const blocks = reader.arrayLength('extra keys, a list for each block');
  let lists: (readonly string[] | null)[] | null = null;
  for (let block = 0; block < blocks; block++) {
    if (reader.nil()) continue;
    const keys = blockKeys(reader);
    if (keys.length === 0) continue;
    lists ??= new Array<readonly string[] | null>(blocks).fill(null);
    lists[block] = keys;
  }
  return lists;
}

function blockKeys(reader: MsgpackReader): string[] {
  const keys: string[] = [];
  for (let left = reader.arrayLength('extra keys of a block'); left > 0; left--) {
    const kind = reader.kind();
    if (kind === 'string') keys.push(reader.string('an extra key'));
    else if (kind === 'array') {
      const key = pairKey(reader);
      if (key !== undefined) keys.push(key);
    } else reader.skip();
  }
  return keys;
}

function pairKey(reader: MsgpackReader): string | undefined {
  const length = reader.arrayLength('an extra key');
  if (length === 0) return undefined;
  if (reader.kind() !== 'string') {
    skip(reader, length);
    return undefined;
  }
  const first = reader.string('an extra key');
  if (length === 1) return undefined;
  const second = reader.kind();
  if (second === 'integer' && length === 2) {
    skip(reader, 1);
    return first;
  }
  if (second !== 'string' || (first !== 'mm' && first !== 'cache_salt')) {
    skip(reader, length - 1);
    return undefined;
  }
  const tagged = reader.string('an extra key');
  skip(reader, length - 2);
  return tagged;
}

function skip(reader: MsgpackReader, values: number): void {
  for (let i = 0; i < values; i++) reader.skip();
}
