// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';

/** The endpoint picker does otherwise than a case says; the message says how. */
export class Difference extends Error {
  readonly code = 'DIFFERENCE';
  constructor(words: string) {
    super(words);
    this.name = 'Difference';
  }
}

/** A case cannot be judged here; the message says why. */
export class NotJudged extends Error {
  readonly code = 'NOT_JUDGED';
  constructor(reason: string) {
    super(reason);
    this.name = 'NotJudged';
  }
}

/** Throws {@link Difference} with `words` unless the condition holds. */
export function expectThat(condition: boolean, words: string): asserts condition {
  if (!condition) throw new Difference(words);
}

/** Throws {@link Difference} unless both are the same plain data. */
export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Difference(`${what}: expected ${shown(expected)}, got ${shown(actual)}`);
}

/** Throws {@link Difference} unless the bytes are the same, and says where they begin to differ. */
export function expectBytes(what: string, actual: Buffer, expected: Uint8Array): void {
  if (actual.equals(expected)) return;
  const shorter = Math.min(actual.length, expected.length);
  let at = 0;
  while (at < shorter && actual[at] === expected[at]) at++;
  const near = (bytes: Uint8Array) =>
    shown(Buffer.from(bytes.subarray(Math.max(0, at - 10), at + 20)).toString('latin1'));
  throw new Difference(
    `${what}: expected ${expected.length} bytes, got ${actual.length}; they differ from byte ${at} on: ` +
      `expected …${near(expected)}…, got …${near(actual)}…`,
  );
}

const SHOWN_CHARACTERS = 200;

/** A value as a report has it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`;
}
