// SPDX-License-Identifier: Apache-2.0
import { TraceFormatError, type TraceLocation } from './trace-format-error.ts';

/** Options of the trace parsers. */
export interface TraceParseOptions {
  /** Name of the file for error messages. Default `trace`. */
  readonly file?: string;
}

/** Lines of a text with `\n` or `\r\n` ends; lines are taken as they are. Blank lines are left out, but counted. */
export function* numberedLines(
  source: string | Iterable<string>,
): Generator<readonly [line: number, text: string]> {
  let number = 0;
  for (const text of typeof source === 'string' ? source.split('\n') : source) {
    number++;
    const trimmed = text.trim();
    if (trimmed !== '') yield [number, trimmed];
  }
}

/** A whole number of at least `min`, or a {@link TraceFormatError} for that place. */
export function wholeNumber(
  value: unknown,
  where: TraceLocation & { readonly min: number },
): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= where.min) return value;
  const found = value === undefined ? 'is missing' : `is ${JSON.stringify(value)}`;
  throw new TraceFormatError(where, `${found}; a whole number of at least ${where.min} is needed`);
}

/** Throws when `atMs` lies before `previousMs`: a replay needs its requests in order. */
export function inOrder(atMs: number, previousMs: number, where: TraceLocation): number {
  if (atMs >= previousMs) return atMs;
  throw new TraceFormatError(where, 'goes back in time');
}
