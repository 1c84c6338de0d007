// SPDX-License-Identifier: Apache-2.0
import type { RequestKeyAlgorithm, RequestKeyOptions } from './request-key-hasher.ts';
import { xxh64 } from './xxh64.testing.ts';

/** Request keys straight from their definition, with BigInt: slow, and checked by the golden vectors. */
export function referenceKeys(
  tokens: Uint32Array,
  options: RequestKeyOptions,
  { algorithm, hashSeed }: { algorithm: RequestKeyAlgorithm; hashSeed: string },
): bigint[] {
  const { model, blockSizeTokens, extras, parent = { low: 0, high: 0 } } = options;
  const key = (BigInt(parent.high) << 32n) | BigInt(parent.low);
  const seed = Buffer.from(hashSeed);
  const root =
    algorithm === 'xxh64'
      ? xxh64(Buffer.concat([le64(xxh64(seed)), counted(model)]))
      : fnv(
          Buffer.concat([
            Buffer.from([0x83]),
            cbor(fnv(seed)),
            Buffer.from([0xf6]),
            cborText(model),
          ]),
        );
  let chain = key === 0n ? root : key;
  const keys: bigint[] = [];
  for (let at = 0; at + blockSizeTokens <= tokens.length; at += blockSizeTokens) {
    const block = [...tokens.subarray(at, at + blockSizeTokens)];
    const extra = extras?.[keys.length] ?? [];
    chain = algorithm === 'xxh64' ? xxhBlock(chain, block, extra) : fnvBlock(chain, block, extra);
    keys.push(chain);
  }
  return keys;
}

function xxhBlock(parent: bigint, tokens: readonly number[], extras: readonly string[]): bigint {
  const words = tokens.map((token) => le64(BigInt(token)).subarray(0, 4));
  return xxh64(Buffer.concat([le64(parent), ...words, ...extras.map(counted)]));
}

function fnvBlock(parent: bigint, tokens: readonly number[], extras: readonly string[]): bigint {
  const maps = extras.flatMap((extra) => [Buffer.from([0xa1]), cborText('Hash'), cborText(extra)]);
  const tail =
    extras.length === 0 ? [Buffer.from([0xf6])] : [cbor(BigInt(extras.length), 4), ...maps];
  const numbers = tokens.map((token) => cbor(BigInt(token)));
  const head = [Buffer.from([0x83]), cbor(parent), cbor(BigInt(tokens.length), 4)];
  return fnv(Buffer.concat([...head, ...numbers, ...tail]));
}

function le64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function counted(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([le64(BigInt(bytes.length)), bytes]);
}

/** The canonical head of a CBOR item. */
function cbor(value: bigint, major = 0): Buffer {
  const hex = (bytes: number) => value.toString(16).padStart(2 * bytes, '0');
  const [info, bytes] =
    value < 24n
      ? [Number(value), 0]
      : value < 1n << 8n
        ? [24, 1]
        : value < 1n << 16n
          ? [25, 2]
          : value < 1n << 32n
            ? [26, 4]
            : [27, 8];
  const first = Buffer.from([(major << 5) | info]);
  return bytes === 0 ? first : Buffer.concat([first, Buffer.from(hex(bytes), 'hex')]);
}

function cborText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([cbor(BigInt(bytes.length), 3), bytes]);
}

function fnv(bytes: Uint8Array): bigint {
  let hash = 14695981039346656037n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 1099511628211n);
  return hash;
}
