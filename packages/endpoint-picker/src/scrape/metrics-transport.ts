// SPDX-License-Identifier: Apache-2.0
import type { EndpointIdentity } from '@llm-d/scheduler-core';

/** Why an exposition could not be had. */
export type ScrapeFailure = 'unreachable' | 'timeout' | 'bad-status' | 'too-large';

/** A scrape that came to nothing. `failure` says how to react, `cause` what the network said. */
export class ScrapeError extends Error {
  readonly code = 'SCRAPE_FAILED';
  readonly failure: ScrapeFailure;
  readonly url: string;
  constructor(failure: ScrapeFailure, url: string, options?: ErrorOptions & { detail?: string }) {
    super(`${url}: ${options?.detail ?? failure}`, options);
    this.name = 'ScrapeError';
    this.failure = failure;
    this.url = url;
  }
}

/** How expositions travel. */
export interface MetricsTransport {
  /**
   * The exposition of an endpoint, or {@link ScrapeError}. Ends early when `signal` aborts. `query` (default none, else
   * with its question mark) asks for a part of it. The bytes are lent: they may change as soon as the turn in which
   * the promise resolves is over.
   */
  get(endpoint: EndpointIdentity, signal: AbortSignal, query?: string): Promise<Buffer>;
  /** Closes what is kept open for an endpoint that has left. */
  forget(endpoint: EndpointIdentity): void;
  close(): Promise<void>;
}
