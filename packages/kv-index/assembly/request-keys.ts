// SPDX-License-Identifier: Apache-2.0
// AssemblyScript. Request keys of llm-d's precise prefix matching, a chain of blocks in one call, by either of its two
// hash functions. Memory belongs to the caller: it places the input, names the places of the output, and grows it.
import { xxh64 } from './xxh64';

const FNV_OFFSET: u64 = 0xcbf29ce484222325;
const FNV_PRIME: u64 = 0x100000001b3;

function fnv(hash: u64, byte: u64): u64 {
  return (hash ^ byte) * FNV_PRIME;
}

function fnvBytes(hash: u64, at: usize, length: usize): u64 {
  for (const end = at + length; at < end; at++) hash = fnv(hash, load<u8>(at));
  return hash;
}

/** Hashes the bytes of one canonical CBOR head up to 32 bits. `major` is the major type, in the top three bits. */
function fnvHead(hash: u64, major: u64, value: u32): u64 {
  if (value < 24) return fnv(hash, major | value);
  if (value < 0x100) return fnv(fnv(hash, major | 24), value);
  if (value < 0x10000) {
    hash = fnv(hash, major | 25);
    hash = fnv(hash, value >> 8);
    return fnv(hash, value & 0xff);
  }
  hash = fnv(hash, major | 26);
  hash = fnv(hash, value >> 24);
  hash = fnv(hash, (value >> 16) & 0xff);
  hash = fnv(hash, (value >> 8) & 0xff);
  return fnv(hash, value & 0xff);
}

function fnvUint64(hash: u64, value: u64): u64 {
  if (value <= 0xffffffff) return fnvHead(hash, 0, <u32>value);
  hash = fnv(hash, 27);
  for (let shift: u64 = 64; shift > 0;) {
    shift -= 8;
    hash = fnv(hash, (value >> shift) & 0xff);
  }
  return hash;
}

/** Writes FNV-1a-64 of `length` bytes at `at` to `out`. */
export function fnvOf(at: usize, length: usize, out: usize): void {
  store<u64>(out, fnvBytes(FNV_OFFSET, at, length));
}

/** Writes XXH64 of `length` bytes at `at` to `out`. */
export function xxhOf(at: usize, length: usize, out: usize): void {
  store<u64>(out, xxh64(at, length));
}

/** Writes the hash of CBOR `[value at parent, null, text]` to `out`; the text is UTF-8 at `at`. */
export function fnvRoot(parent: usize, at: usize, length: usize, out: usize): void {
  let hash = fnvUint64(fnv(FNV_OFFSET, 0x83), load<u64>(parent));
  hash = fnvHead(fnv(hash, 0xf6), 0x60, <u32>length);
  store<u64>(out, fnvBytes(hash, at, length));
}

/**
 * Chains `blocks` blocks of `size` tokens from `at`, starting from the value at `parent`. `extras` is 0, or the place
 * of blocks + 1 addresses between which lie the CBOR of each block's extras; nothing there stands for null.
 */
export function fnvChain(
  at: usize,
  size: u32,
  blocks: u32,
  parent: usize,
  extras: usize,
  out: usize,
): void {
  let chain = load<u64>(parent);
  for (let i: u32 = 0; i < blocks; i++) {
    let hash = fnvHead(fnvUint64(fnv(FNV_OFFSET, 0x83), chain), 0x80, size);
    for (const end = at + ((<usize>size) << 2); at < end; at += 4) {
      hash = fnvHead(hash, 0, load<u32>(at));
    }
    let extra: usize = 0;
    let extraEnd: usize = 0;
    if (extras != 0) {
      extra = load<u32>(extras + (i << 2));
      extraEnd = load<u32>(extras + (i << 2), 4);
    }
    chain = extra == extraEnd ? fnv(hash, 0xf6) : fnvBytes(hash, extra, extraEnd - extra);
    store<u64>(out + (i << 3), chain);
  }
}

/**
 * The same with XXH64 over parent, tokens and extras. The eight bytes before a block's tokens are overwritten with its
 * parent, so `at` must leave room for them. `scratch` has room for the largest block with its extras.
 */
export function xxhChain(
  at: usize,
  size: u32,
  blocks: u32,
  parent: usize,
  extras: usize,
  out: usize,
  scratch: usize,
): void {
  let chain = load<u64>(parent);
  const bytes = (<usize>size) << 2;
  for (let i: u32 = 0; i < blocks; i++) {
    store<u64>(at - 8, chain);
    let length: usize = 0;
    let extra: usize = 0;
    if (extras != 0) {
      extra = load<u32>(extras + (i << 2));
      length = load<u32>(extras + (i << 2), 4) - extra;
    }
    if (length == 0) chain = xxh64(at - 8, bytes + 8);
    else {
      memory.copy(scratch, at - 8, bytes + 8);
      memory.copy(scratch + bytes + 8, extra, length);
      chain = xxh64(scratch, bytes + 8 + length);
    }
    store<u64>(out + (i << 3), chain);
    at += bytes;
  }
}
