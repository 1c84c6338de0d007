// SPDX-License-Identifier: Apache-2.0

/** Token ids while they are gathered. */
export class TokenList {
  #ids = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(id: number): void {
    if (this.#length === this.#ids.length) this.#grow(this.#length + 1);
    this.#ids[this.#length++] = id;
  }

  pushAll(ids: ArrayLike<number>): void {
    const length = this.#length + ids.length;
    if (length > this.#ids.length) this.#grow(length);
    this.#ids.set(ids, this.#length);
    this.#length = length;
  }

  /** A copy of the ids from `start` on. */
  slice(start = 0): Uint32Array<ArrayBuffer> {
    return this.#ids.slice(start, this.#length);
  }

  #grow(atLeast: number): void {
    const grown = new Uint32Array(Math.max(atLeast, this.#ids.length * 2));
    grown.set(this.#ids);
    this.#ids = grown;
  }
}
