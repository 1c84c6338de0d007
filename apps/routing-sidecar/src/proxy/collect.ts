// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Dispatcher, Pool } from 'undici';
import type { WholeAnswer } from './answer.ts';
import { upstreamFailureOf, type UpstreamFailure } from './upstream-failure.ts';

export interface CollectRequest {
  readonly pool: Pool;
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | null;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  /** Longest time until the answer is complete. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** How much of the body is kept. */
  readonly maxBytes: number;
  /** What becomes of a longer body. */
  readonly beyond: 'fails' | 'is-dropped';
}

/** How asking a server for a whole answer ended. */
export type Collected =
  | { readonly kind: 'answered'; readonly answer: WholeAnswer }
  | {
      readonly kind: 'failed';
      readonly failure: UpstreamFailure | 'too-large';
      readonly error: Error;
    }
  /** The signal aborted it. */
  | { readonly kind: 'aborted' };

const ABORTED = new Error('nobody waits for the answer');
const TOO_LATE = new Error('the answer was not complete in time');
const TOO_LARGE = new Error('the answer is larger than is accepted');

/** Asks a server and waits for its whole answer, whatever its status. Never rejects. */
export function collect(request: CollectRequest): Promise<Collected> {
  return new Promise((resolve) => {
    if (request.signal.aborted) {
      resolve({ kind: 'aborted' });
      return;
    }
    const { pool, method = 'POST', path, headers, body, timeoutMs } = request;
    const collector = new Collector(request, resolve);
    // The timer is the only limit that counts, so undici's own must not come before it.
    const limits = { headersTimeout: 2 * timeoutMs, bodyTimeout: 2 * timeoutMs };
    pool.dispatch({ method, path, headers, body, ...limits }, collector);
  });
}

class Collector implements Dispatcher.DispatchHandler {
  readonly #request: CollectRequest;
  readonly #resolve: (outcome: Collected) => void;
  readonly #timer: Timer;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: NodeJS.Dict<string | string[]> = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  #settled = false;

  constructor(request: CollectRequest, resolve: (outcome: Collected) => void) {
    this.#request = request;
    this.#resolve = resolve;
    request.signal.addEventListener('abort', this.#abort);
    this.#timer = request.clock.schedule(request.timeoutMs, () => {
      this.#cut({ kind: 'failed', failure: 'timeout', error: TOO_LATE }, TOO_LATE);
    });
  }

  readonly #abort = (): void => {
    this.#cut({ kind: 'aborted' }, ABORTED);
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(ABORTED);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: NodeJS.Dict<string | string[]>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { maxBytes, beyond } = this.#request;
    this.#bytes += chunk.length;
    if (this.#bytes <= maxBytes) this.#chunks.push(chunk);
    else if (beyond === 'fails') {
      this.#cut({ kind: 'failed', failure: 'too-large', error: TOO_LARGE }, TOO_LARGE);
    }
  }

  onResponseEnd(): void {
    const answer = {
      status: this.#status,
      headers: this.#headers,
      body: Buffer.concat(this.#chunks),
    };
    this.#settle({ kind: 'answered', answer });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle({ kind: 'failed', failure: upstreamFailureOf(error), error });
  }

  /** Settles first, because aborting reports an error at once, which would be held against the server. */
  #cut(outcome: Collected, reason: Error): void {
    this.#settle(outcome);
    this.#controller?.abort(reason);
  }

  #settle(outcome: Collected): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#timer.cancel();
    this.#request.signal.removeEventListener('abort', this.#abort);
    this.#chunks = [];
    this.#resolve(outcome);
  }
}
