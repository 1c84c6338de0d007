// SPDX-License-Identifier: Apache-2.0

const TABLE_SIZE = 1024;
/** Places in which a string may be. */
const WAYS = 8;
/** Longer strings are decoded anew each time: names that repeat are short. */
const MAX_LENGTH = 96;

interface Entry {
  readonly bytes: Uint8Array;
  readonly text: string;
  /** What came after it the last time; kept with it, so only while it is in the table itself. */
  next: Entry | undefined;
  isKept: boolean;
}

/**
 * Turns UTF-8 into strings, and the same bytes into the same string without decoding them again. Remembers at most
 * 1024 short strings, a newer one in place of an older one.
 */
export class StringInterner {
  readonly #table: (Entry | undefined)[] = new Array<Entry | undefined>(TABLE_SIZE).fill(undefined);
  #last: Entry = { bytes: new Uint8Array(0), text: '', next: undefined, isKept: true };

  /** The text of `bytes` from `start` to `end`. Damaged UTF-8 becomes U+FFFD. */
  text(bytes: Uint8Array, start: number, end: number): string {
    const length = end - start;
    if (length === 0) return '';
    if (length > MAX_LENGTH) return decoder.decode(bytes.subarray(start, end));
    // The fields of events follow each other in the same order, event after event.
    const expected = this.#last.next;
    if (expected !== undefined && equal(expected.bytes, bytes, start, length)) {
      this.#last = expected;
      return expected.text;
    }
    const entry = this.#entry(bytes, start, length);
    if (this.#last.isKept) this.#last.next = entry;
    this.#last = entry;
    return entry.text;
  }

  #entry(bytes: Uint8Array, start: number, length: number): Entry {
    const end = start + length;
    // Four bytes tell names apart well enough; the comparison that follows is exact.
    let hash = length;
    hash = Math.imul(hash ^ (bytes[start] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[start + (length >>> 1)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[start + ((3 * length) >>> 2)] as number), 0x01000193);
    hash = Math.imul(hash ^ (bytes[end - 1] as number), 0x01000193);
    const home = (hash ^ (hash >>> 15)) & (TABLE_SIZE - 1);
    let slot = home;
    for (let way = 0; way < WAYS; way++) {
      const known = this.#table[(home + way) & (TABLE_SIZE - 1)];
      if (known === undefined) {
        slot = (home + way) & (TABLE_SIZE - 1);
        break;
      }
      if (equal(known.bytes, bytes, start, length)) return known;
    }
    const copy = bytes.slice(start, end);
    const text = internalized(decoder.decode(copy));
    const entry: Entry = { bytes: copy, text, next: undefined, isKept: true };
    const replaced = this.#table[slot];
    if (replaced !== undefined) {
      replaced.isKept = false;
      replaced.next = undefined;
    }
    this.#table[slot] = entry;
    return entry;
  }
}

/** The same text in the form in which V8 keeps names: comparing it with a literal is comparing two addresses. */
const internalized = (text: string): string => Object.keys({ [text]: 0 })[0] ?? text;

function equal(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
