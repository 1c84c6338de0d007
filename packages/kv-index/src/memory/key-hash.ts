// SPDX-License-Identifier: Apache-2.0

/** Spreads a 64-bit key over 32 bits: engines may count instead of hashing. */
export function keyHash(low: number, high: number): number {
  let hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The place among `capacity` that a 32-bit hash begins to search at. Any capacity up to 2³¹ serves. */
export function homeOf(hash: number, capacity: number): number {
  return Math.floor((hash * capacity) / 4_294_967_296);
}

/** Beyond this share of used places, searches become long. */
export const MAX_LOAD = 0.7;
/** Less than doubling: what is not used yet is memory too. */
export const GROWTH = 1.6;
