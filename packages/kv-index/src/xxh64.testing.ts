// SPDX-License-Identifier: Apache-2.0

/** XXH64 with seed 0, straight from its specification. */
export function xxh64(bytes: Uint8Array): bigint {
  const p = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ] as const;
  const u64 = (x: bigint) => BigInt.asUintN(64, x);
  const rotl = (x: bigint, bits: bigint) => u64(x << bits) | (x >> (64n - bits));
  const round = (lane: bigint, input: bigint) => u64(rotl(u64(lane + input * p[1]), 31n) * p[0]);
  const data = Buffer.from(bytes);
  let at = 0;
  let hash: bigint = p[4];
  if (data.length >= 32) {
    const lanes = [u64(p[0] + p[1]), p[1], 0n, u64(-p[0])];
    for (; at + 32 <= data.length; at += 32) {
      lanes.forEach((lane, i) => (lanes[i] = round(lane, data.readBigUInt64LE(at + 8 * i))));
    }
    hash = u64([1n, 7n, 12n, 18n].reduce((sum, bits, i) => sum + rotl(lanes[i] ?? 0n, bits), 0n));
    for (const lane of lanes) hash = u64((hash ^ round(0n, lane)) * p[0] + p[3]);
  }
  hash = u64(hash + BigInt(data.length));
  for (; at + 8 <= data.length; at += 8) {
    hash = u64(rotl(hash ^ round(0n, data.readBigUInt64LE(at)), 27n) * p[0] + p[3]);
  }
  if (at + 4 <= data.length) {
    hash = u64(rotl(hash ^ u64(BigInt(data.readUInt32LE(at)) * p[0]), 23n) * p[1] + p[2]);
    at += 4;
  }
  for (; at < data.length; at++) {
    hash = u64(rotl(hash ^ u64(BigInt(data[at] ?? 0) * p[4]), 11n) * p[0]);
  }
  hash = u64((hash ^ (hash >> 33n)) * p[1]);
  hash = u64((hash ^ (hash >> 29n)) * p[2]);
  return hash ^ (hash >> 32n);
}
