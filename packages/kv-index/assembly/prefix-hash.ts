// SPDX-License-Identifier: Apache-2.0
// AssemblyScript. XXH64 (seed 0) and the approximate-prefix chain over a whole prompt in one call.
// Memory belongs to the caller: it places the input, names the places of the output, and grows it.

const P1: u64 = 0x9e3779b185ebca87;
const P2: u64 = 0xc2b2ae3d27d4eb4f;
const P3: u64 = 0x165667b19e3779f9;
const P4: u64 = 0x85ebca77c2b2ae63;
const P5: u64 = 0x27d4eb2f165667c5;

function round(lane: u64, input: u64): u64 {
  return rotl<u64>(lane + input * P2, 31) * P1;
}

function merge(hash: u64, lane: u64): u64 {
  return (hash ^ round(0, lane)) * P1 + P4;
}

function word(hash: u64, input: u64): u64 {
  return rotl<u64>(hash ^ round(0, input), 27) * P1 + P4;
}

function avalanche(h: u64): u64 {
  h = (h ^ (h >> 33)) * P2;
  h = (h ^ (h >> 29)) * P3;
  return h ^ (h >> 32);
}

function xxh64(at: usize, length: usize): u64 {
  const end = at + length;
  let hash: u64;
  if (length >= 32) {
    let a: u64 = P1 + P2;
    let b: u64 = P2;
    let c: u64 = 0;
    let d: u64 = 0 - P1;
    const lastStripe = end - 32;
    do {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
      at += 32;
    } while (at <= lastStripe);
    hash = rotl<u64>(a, 1) + rotl<u64>(b, 7) + rotl<u64>(c, 12) + rotl<u64>(d, 18);
    hash = merge(merge(merge(merge(hash, a), b), c), d);
  } else {
    hash = P5;
  }
  hash += length;
  while (at + 8 <= end) {
    hash = word(hash, load<u64>(at));
    at += 8;
  }
  if (at + 4 <= end) {
    hash = rotl<u64>(hash ^ (<u64>load<u32>(at) * P1), 23) * P2 + P3;
    at += 4;
  }
  while (at < end) {
    hash = rotl<u64>(hash ^ (<u64>load<u8>(at) * P5), 11) * P1;
    at++;
  }
  return avalanche(hash);
}

/** Writes XXH64 of `length` bytes at `at` to `out`. */
export function hashBytes(at: usize, length: usize, out: usize): void {
  store<u64>(out, xxh64(at, length));
}

/**
 * Chains `blocks` blocks of `blockBytes` bytes from `at` (the last one ends at `end`, so it may be short), starting
 * from the 64-bit value at `parent`. Block i's chain value goes to `hashes + 8 i`, its top 53 bits as a double to
 * `keys + 8 i`.
 */
export function hashChain(
  at: usize,
  end: usize,
  blockBytes: usize,
  blocks: usize,
  parent: usize,
  hashes: usize,
  keys: usize,
): void {
  let chain = load<u64>(parent);
  for (let i: usize = 0; i < blocks; i++) {
    const length = min<usize>(blockBytes, end - at);
    // XXH64 of the 16 bytes "block hash, parent", written out: no stripes, two words.
    chain = avalanche(word(word(P5 + 16, xxh64(at, length)), chain));
    store<u64>(hashes + (i << 3), chain);
    store<f64>(keys + (i << 3), <f64>(<i64>(chain >> 11)));
    at += length;
  }
}
