// SPDX-License-Identifier: Apache-2.0

/** Bytes of a block. */
export const blockSize = 64 * 1024;

/** 4 MiB: what a burst of large answers needs for a moment. */
const maxSpare = 64;

/** Blocks of memory that are used again, by all connections of a server. */
export class BlockPool {
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockSize);
  }

  /** Takes a block back that nobody refers to any more. */
  give(block: Buffer): void {
    if (this.#spare.length < maxSpare) this.#spare.push(block);
  }
}
