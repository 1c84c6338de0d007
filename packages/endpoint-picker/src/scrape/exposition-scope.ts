// SPDX-License-Identifier: Apache-2.0
import type { EngineMapping } from './engine-mapping.ts';

/**
 * How much of an endpoint's exposition is asked for. Prometheus' Python client, which vLLM and SGLang serve their
 * metrics with, leaves out what `name[]` does not name: 2 KB instead of 77, for both sides. Other servers ignore the
 * parameter, refuse it, or (the same client in its multiprocess mode) answer it with nothing. So a whole exposition
 * is read first, and the narrow one has to show every metric that was seen in it.
 */
export interface ExpositionScope {
  /** What to add to the path for the next scrape: a query, or nothing for the whole. */
  readonly query: string;
  /**
   * Takes the answer to the last scrape. False: it was a narrow one that cannot be trusted, so that the scrape has to be
   * made again; it will be a whole one.
   */
  accepts(exposition: Buffer): boolean;
  /** The last scrape was refused with a status that is no success. True: a whole one may fare better. */
  refused(): boolean;
}

/** A narrow exposition is worth asking for when it is at most this share of the whole. */
const WORTHWHILE = 0.5;

/** The scope of one endpoint's scrapes, by what is read of them. */
export function createExpositionScope(mapping: EngineMapping): ExpositionScope {
  return new Scope(namesOf(mapping));
}

class Scope implements ExpositionScope {
  readonly #names: readonly string[];
  readonly #query: string;
  #state: 'whole-first' | 'narrow' | 'whole' = 'whole-first';
  /** Metrics that the whole exposition showed, and its length. */
  #seen: readonly string[] = [];
  #wholeBytes = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#query = `?${names.map((name) => `name[]=${encodeURIComponent(name)}`).join('&')}`;
  }

  get query(): string {
    return this.#state === 'narrow' ? this.#query : '';
  }

  accepts(exposition: Buffer): boolean {
    if (this.#state === 'whole-first') {
      this.#seen = this.#names.filter((name) => shows(exposition, name));
      this.#wholeBytes = exposition.length;
      // An engine that shows nothing yet may be starting; it is asked again.
      if (this.#seen.length > 0) this.#state = 'narrow';
    } else if (this.#state === 'narrow') {
      if (!this.#seen.every((name) => shows(exposition, name))) {
        this.#state = 'whole';
        return false;
      }
      if (exposition.length > WORTHWHILE * this.#wholeBytes) this.#state = 'whole';
    }
    return true;
  }

  refused(): boolean {
    if (this.#state !== 'narrow') return false;
    this.#state = 'whole';
    return true;
  }
}

/** Names of all metrics that a mapping reads. */
function namesOf(mapping: EngineMapping): readonly string[] {
  const { custom, kvBlockSizeTokens, kvBlocks, ...specs } = mapping;
  const read = [
    ...Object.values(specs),
    kvBlockSizeTokens?.metric,
    kvBlocks?.metric,
    ...Object.values(custom),
  ];
  return [...new Set(read.flatMap((spec) => (spec === undefined ? [] : [spec.name])))];
}

/** Whether a series of the metric stands in the text: at the beginning of a line, its labels or its value after it. */
function shows(text: Buffer, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const before = at === 0 ? '\n' : String.fromCharCode(text[at - 1] ?? 0);
    const after = String.fromCharCode(text[at + name.length] ?? 0);
    if (before === '\n' && (after === '{' || after === ' ')) return true;
  }
  return false;
}
