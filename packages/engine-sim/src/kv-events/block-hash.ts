// SPDX-License-Identifier: Apache-2.0

/**
 * The 64-bit hash under which an engine publishes a block begins with the 53 bits of the block's key; the rest is made
 * from them. One to one, and the same in every process, so engines with the same hash seed agree.
 */
const TAIL_BITS = 11;
const LOW_KEY_SIZE = 2 ** (32 - TAIL_BITS);

/** The upper 32 bits of the key's hash. */
export function highHalf(key: number): number {
  return Math.floor(key / LOW_KEY_SIZE);
}

/** The lower 32 bits of the key's hash. */
export function lowHalf(key: number): number {
  const high = highHalf(key);
  const low = key - high * LOW_KEY_SIZE;
  // Consumers may take the lowest bits for a table's home, so they have to be spread like the others.
  const tail = Math.imul(low ^ high, 0x9e3779b1) >>> (32 - TAIL_BITS);
  return ((low << TAIL_BITS) | tail) >>> 0;
}

/** Hashes of the keys `from` to `to` (exclusive), as pairs of halves, the low one first. */
export function blockHashes(keys: Float64Array, from: number, to: number): Uint32Array {
  const hashes = new Uint32Array(2 * (to - from));
  for (let i = from; i < to; i++) {
    const key = keys[i] ?? 0;
    hashes[2 * (i - from)] = lowHalf(key);
    hashes[2 * (i - from) + 1] = highHalf(key);
  }
  return hashes;
}

/** The hash of one key as a number of 64 bits, for listings. */
export function blockHash(key: number): bigint {
  return (BigInt(highHalf(key)) << 32n) | BigInt(lowHalf(key));
}
