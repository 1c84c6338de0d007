// SPDX-License-Identifier: Apache-2.0
import type { ConfigProblem } from './config-error.ts';

/** Way from the root of a configuration to a field. */
export type ConfigPath = readonly (string | number)[];

/** Line and column, from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Says where in the text a field is; undefined where there is no text. */
export type Locate = (path: ConfigPath) => Position | undefined;

/** Collects what is found wrong, so that a user sees all of it at once. */
export class ProblemList {
  readonly #locate: Locate;
  readonly #problems: ConfigProblem[] = [];

  constructor(locate: Locate) {
    this.#locate = locate;
  }

  add(path: ConfigPath, message: string): void {
    this.#problems.push({ path: formatPath(path), ...this.#locate(path), message });
  }

  /** In the text's order; those without a position keep theirs, behind the others. */
  sorted(): readonly ConfigProblem[] {
    return this.#problems.toSorted(
      (a, b) =>
        (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0) || 0,
    );
  }

  get isEmpty(): boolean {
    return this.#problems.length === 0;
  }
}

/** `plugins[2].parameters.lruSize`. */
export function formatPath(path: ConfigPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}
