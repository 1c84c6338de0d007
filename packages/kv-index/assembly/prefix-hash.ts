// SPDX-License-Identifier: Apache-2.0
// AssemblyScript. The approximate-prefix chain over a whole prompt in one call.
// Memory belongs to the caller: it places the input, names the places of the output, and grows it.

import { P5, avalanche, word, xxh64 } from './xxh64';

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
