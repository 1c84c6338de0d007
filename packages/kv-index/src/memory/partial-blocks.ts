// SPDX-License-Identifier: Apache-2.0

/** Engine blocks that do not fill a block of the index yet. */
export interface PartialBlock {
  readonly tokens: Uint32Array;
  /** Engine hashes as pairs. */
  readonly hashes: Uint32Array;
  readonly extras: readonly (readonly string[] | null)[];
  /** Request key of the last whole block before; both 0 at the beginning of a prompt. */
  readonly parent: { readonly low: number; readonly high: number };
}

const MOST = 4096;

/** The begun blocks of a source by their last engine hash. Remembers the newest 4096. */
export class PartialBlocks {
  readonly #byLastHash = new Map<string, PartialBlock>();

  get(low: number, high: number): PartialBlock | undefined {
    return this.#byLastHash.get(`${high}:${low}`);
  }

  oldestFirst(): Iterable<PartialBlock> {
    return this.#byLastHash.values();
  }

  set(low: number, high: number, partial: PartialBlock): void {
    const name = `${high}:${low}`;
    this.#byLastHash.delete(name);
    this.#byLastHash.set(name, partial);
    if (this.#byLastHash.size <= MOST) return;
    for (const oldest of this.#byLastHash.keys()) {
      this.#byLastHash.delete(oldest);
      return;
    }
  }
}
