// SPDX-License-Identifier: Apache-2.0

/** What a {@link HeardOrder} keeps of everything in it; the order alone writes these fields. */
export interface Heard<T> {
  /** When something was last heard of it, in milliseconds of the wall clock. */
  heardMs: number;
  before: T | undefined;
  after: T | undefined;
  isSilent: boolean;
}

/**
 * Sources from the one heard of longest ago to the latest, so that the oldest and those fallen silent are known without a
 * look at all of them. Times mostly rise, which makes every step constant; one from the past costs a walk from the end.
 */
export class HeardOrder<T extends Heard<T>> {
  #oldest: T | undefined;
  #latest: T | undefined;
  /** The oldest one that is not silent; all before it are. */
  #oldestAudible: T | undefined;

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** Takes it in, heard of at its `heardMs`. */
  add(entry: T): void {
    this.#insert(entry);
  }

  /** Heard of again. A time before the one known changes nothing. */
  touch(entry: T, heardMs: number): void {
    if (heardMs <= entry.heardMs) return;
    this.remove(entry);
    entry.heardMs = heardMs;
    this.#insert(entry);
  }

  remove(entry: T): void {
    if (this.#oldestAudible === entry) this.#oldestAudible = entry.after;
    if (entry.before === undefined) this.#oldest = entry.after;
    else entry.before.after = entry.after;
    if (entry.after === undefined) this.#latest = entry.before;
    else entry.after.before = entry.before;
    entry.before = undefined;
    entry.after = undefined;
  }

  /** Those not heard of since before `sinceMs` that were audible until now; silent from here on. */
  *fallSilent(sinceMs: number): Generator<T> {
    for (
      let entry = this.#oldestAudible;
      entry !== undefined && entry.heardMs < sinceMs;
      entry = this.#oldestAudible
    ) {
      entry.isSilent = true;
      this.#oldestAudible = entry.after;
      yield entry;
    }
  }

  /** Behind every one heard of earlier. One that comes to lie before a silent entry is silent as well. */
  #insert(entry: T): void {
    let before = this.#latest;
    while (before !== undefined && before.heardMs > entry.heardMs) before = before.before;
    const after = before === undefined ? this.#oldest : before.after;
    entry.before = before;
    entry.after = after;
    if (before === undefined) this.#oldest = entry;
    else before.after = entry;
    if (after === undefined) this.#latest = entry;
    else after.before = entry;
    entry.isSilent = after?.isSilent ?? false;
    if (!entry.isSilent && this.#oldestAudible === after) this.#oldestAudible = entry;
  }
}
