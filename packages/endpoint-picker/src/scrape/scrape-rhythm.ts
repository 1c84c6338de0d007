// SPDX-License-Identifier: Apache-2.0

export interface ScrapeRhythmOptions {
  /** Time from one scrape to the next while anything happens. */
  readonly intervalMs: number;
  /** The same when nothing has happened for a while. At least `intervalMs`. */
  readonly idleIntervalMs: number;
}

/** Scrapes in a row that must find an endpoint at rest before the next waits longer. */
const RESTFUL_SCRAPES = 4;

/**
 * How long to wait before an endpoint is asked again. One that serves, or was just given a request, is asked at the
 * full rate; one at rest, whose answer is known in advance, less often. A request that comes meanwhile is known
 * without asking: it is reserved.
 */
export class ScrapeRhythm {
  readonly #options: ScrapeRhythmOptions;
  #restful = 0;

  constructor(options: ScrapeRhythmOptions) {
    this.#options = options;
  }

  /** Time (ms) from the start of this scrape to the next. `atRest`: it found no request, running, waiting or placed. */
  next(atRest: boolean): number {
    this.#restful = atRest ? this.#restful + 1 : 0;
    const { intervalMs, idleIntervalMs } = this.#options;
    return this.#restful < RESTFUL_SCRAPES ? intervalMs : idleIntervalMs;
  }
}
