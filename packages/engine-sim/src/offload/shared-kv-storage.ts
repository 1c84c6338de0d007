// SPDX-License-Identifier: Apache-2.0

export interface SharedKvStorageOptions {
  /** What events call it, such as `SHARED_STORAGE` or `FS`. Default `SHARED_STORAGE`. */
  readonly medium?: string;
  /** Blocks that fit; nothing is ever given up for others. Default 4 million. */
  readonly maxBlocks?: number;
}

/** Storage outside of any engine: what one engine of a fleet has written all others can load. It only grows. */
export interface SharedKvStorage {
  readonly medium: string;
  readonly size: number;
  has(key: number): boolean;
  /** Writes a block. False if it was there already, or does not fit. */
  add(key: number): boolean;
  keys(): Iterable<number>;
}

/** Empty storage, to be given to each engine of a fleet. Engines share blocks if they have the same `hashSeed`. */
export function createSharedKvStorage(options: SharedKvStorageOptions = {}): SharedKvStorage {
  const { medium = 'SHARED_STORAGE', maxBlocks = 4_000_000 } = options;
  const blocks = new Set<number>();
  return {
    medium,
    get size() {
      return blocks.size;
    },
    has: (key) => blocks.has(key),
    add: (key) => {
      if (blocks.has(key) || blocks.size >= maxBlocks) return false;
      blocks.add(key);
      return true;
    },
    keys: () => blocks,
  };
}
