// SPDX-License-Identifier: Apache-2.0

/** What a {@link PrefixTokenCache} holds and did. */
export interface PrefixTokenCacheStats {
  readonly bytes: number;
  readonly entries: number;
  /** Tokens that were found, and that had to be made, since the start. */
  readonly hitTokens: number;
  readonly missTokens: number;
}

/** Tokens of stretches of text, by a digest of the text. */
export interface PrefixTokenCache {
  /** The tokens, which the caller must not change. */
  get(key: string): Uint32Array | undefined;
  /** Keeps tokens that were looked for in vain, and forgets those not asked for longest. */
  put(key: string, ids: Uint32Array): void;
  readonly stats: PrefixTokenCacheStats;
}

export interface PrefixTokenCacheOptions {
  /** Most bytes of keys and tokens, with what the entries themselves take. 0 keeps nothing. */
  readonly maxBytes: number;
}

/** A map entry, a string's and a typed array's headers, as V8 has them. */
const ENTRY_BYTES = 250;

/** A cache that forgets the least recently used. */
export function createPrefixTokenCache({ maxBytes }: PrefixTokenCacheOptions): PrefixTokenCache {
  // Maps keep their order of insertion, so the first is the one not asked for longest.
  const entries = new Map<string, Uint32Array>();
  let bytes = 0;
  let hitTokens = 0;
  let missTokens = 0;
  const sizeOf = (key: string, ids: Uint32Array) => key.length + ids.byteLength + ENTRY_BYTES;
  const forget = (key: string, ids: Uint32Array) => {
    entries.delete(key);
    bytes -= sizeOf(key, ids);
  };
  return {
    get: (key) => {
      const ids = entries.get(key);
      if (ids === undefined) return undefined;
      entries.delete(key);
      entries.set(key, ids);
      hitTokens += ids.length;
      return ids;
    },
    put: (key, ids) => {
      missTokens += ids.length;
      const former = entries.get(key);
      if (former !== undefined) forget(key, former);
      const size = sizeOf(key, ids);
      if (size > maxBytes) return;
      entries.set(key, ids);
      bytes += size;
      for (const [oldest, its] of entries) {
        if (bytes <= maxBytes) break;
        forget(oldest, its);
      }
    },
    get stats() {
      return { bytes, entries: entries.size, hitTokens, missTokens };
    },
  };
}
