// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import type { WholeAnswer } from './answer.ts';
import { answerHeaders } from './passed-headers.ts';
import { upstreamFailureOf, type UpstreamFailure } from './upstream-failure.ts';

type Headers = NodeJS.Dict<string | string[]>;

/** Changes an answer's bytes on their way. What is pushed may come out later, or as other bytes. */
export interface AnswerRewriter {
  push(chunk: Buffer): readonly Buffer[];
  /** The answer is complete: what was held back. */
  end(): readonly Buffer[];
}

/** `undecided` holds the answer back, `withhold` keeps it from the client. */
export type Verdict = 'undecided' | 'pass' | 'withhold';

/** Decides by its beginning whether an answer reaches the client. */
export interface Gate {
  begin(status: number, headers: Headers): Verdict;
  push(chunk: Buffer): Verdict;
  /** The answer is complete, and nothing was decided. */
  end(): 'pass' | 'withhold';
}

export interface RelayRequest {
  readonly pool: Pool;
  readonly method: string;
  readonly path: string;
  readonly headers: string[];
  readonly body: Buffer | Readable | null;
  readonly response: ServerResponse;
  /** Aborted when the client has left. */
  readonly signal: AbortSignal;
  /** Made when the head of the answer is known; undefined leaves the bytes as they are. */
  readonly rewriter?:
    ((status: number, headers: Headers) => AnswerRewriter | undefined) | undefined;
  readonly gate?: Gate | undefined;
  readonly clock: Clock;
  /** Longest time until the head of the answer. */
  readonly responseTimeoutMs: number;
  /** Longest pause within the answer, by the server or by the client. */
  readonly idleTimeoutMs: number;
}

/** How an answer's way to the client ended. */
export type RelayOutcome =
  /** All of it is with the client, or on its way. */
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'client-gone' }
  /** Nothing has reached the client, and the gate or {@link Relay.abandon} said that nothing shall. */
  | { readonly kind: 'withheld'; readonly answer: WholeAnswer | undefined }
  /** Nothing has reached the client. */
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure; readonly error: Error }
  /** The answer broke off in the middle; the client's connection was cut. */
  | { readonly kind: 'broken'; readonly failure: UpstreamFailure; readonly error: Error };

/** An answer on its way. */
export interface Relay {
  /** Never rejects. */
  readonly outcome: Promise<RelayOutcome>;
  /** Gives it up if nothing has reached the client yet, and says whether it did. */
  abandon(): boolean;
}

const CLIENT_GONE = new Error('the client is gone');
const WITHHELD = new Error('the answer is not wanted');
/** A gate that has not decided by then lets the answer pass. */
const MAX_HELD_BYTES = 1024 * 1024;

/**
 * Sends a request to a server and streams its answer to the client, at the client's pace. The head is held back until the
 * first byte of the body, so that a server that dies before it has said anything can be told of as such.
 */
export function relay(request: RelayRequest): Relay {
  const { promise, resolve } = Promise.withResolvers<RelayOutcome>();
  const transfer = new Transfer(request, resolve);
  const { pool, method, path, headers, body, responseTimeoutMs, idleTimeoutMs } = request;
  const limits = { headersTimeout: responseTimeoutMs, bodyTimeout: idleTimeoutMs };
  if (request.signal.aborted) transfer.clientGone();
  else pool.dispatch({ method, path, headers, body, ...limits }, transfer);
  return { outcome: promise, abandon: () => transfer.abandon() };
}

class Transfer implements Dispatcher.DispatchHandler {
  readonly #request: RelayRequest;
  readonly #resolve: (outcome: RelayOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #status = 0;
  #headers: Headers = {};
  #headSent = false;
  #rewriter: AnswerRewriter | undefined;
  /** Undefined once it has decided. */
  #gate: Gate | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Set while the client takes nothing. */
  #stall: Timer | undefined;
  #settled = false;

  constructor(request: RelayRequest, resolve: (outcome: RelayOutcome) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#gate = request.gate;
    request.signal.addEventListener('abort', this.clientGone);
    request.response.on('drain', this.#drained);
  }

  readonly clientGone = (): void => {
    this.#cut({ kind: 'client-gone' }, CLIENT_GONE);
  };

  abandon(): boolean {
    if (this.#settled || this.#headSent) return false;
    this.#cut({ kind: 'withheld', answer: undefined }, WITHHELD);
    return true;
  }

  readonly #drained = (): void => {
    this.#stall?.cancel();
    this.#stall = undefined;
    this.#controller?.resume();
  };

  /** Stops reading from the server until the client has caught up, which it must in time. */
  #pause(): void {
    const { clock, idleTimeoutMs, response } = this.#request;
    this.#controller?.pause();
    this.#stall ??= clock.schedule(idleTimeoutMs, () => response.destroy());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(CLIENT_GONE);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Headers,
  ): void {
    if (status < 200 || this.#settled) return;
    this.#status = status;
    this.#headers = headers;
    this.#rewriter = this.#request.rewriter?.(status, headers);
    this.#decide(this.#gate?.begin(status, headers));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    if (this.#gate === undefined) {
      this.#write(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#decide(this.#heldBytes > MAX_HELD_BYTES ? 'pass' : this.#gate.push(chunk));
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#decide(this.#gate?.end());
    // The gate may have settled it.
    if (this.#isSettled()) return;
    this.#sendHead();
    for (const chunk of this.#rewriter?.end() ?? []) this.#request.response.write(chunk);
    this.#request.response.end();
    this.#settle({ kind: 'answered', status: this.#status });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settled) return;
    const failure = upstreamFailureOf(error);
    // Where the status is out, cutting the connection is the only way to say that this is not the whole answer.
    if (this.#headSent) this.#request.response.destroy();
    this.#settle({ kind: this.#headSent ? 'broken' : 'failed', failure, error });
  }

  #isSettled(): boolean {
    return this.#settled;
  }

  #decide(verdict: Verdict | undefined): void {
    if (verdict === undefined || verdict === 'undecided') return;
    this.#gate = undefined;
    const held = this.#held;
    this.#held = [];
    if (verdict === 'pass') {
      for (const chunk of held) this.#write(chunk);
      return;
    }
    const answer = { status: this.#status, headers: this.#headers, body: Buffer.concat(held) };
    this.#cut({ kind: 'withheld', answer }, WITHHELD);
  }

  #write(chunk: Buffer): void {
    const { response } = this.#request;
    this.#sendHead();
    if (this.#rewriter === undefined) {
      if (!response.write(chunk)) this.#pause();
      return;
    }
    let flows = true;
    for (const piece of this.#rewriter.push(chunk)) flows = response.write(piece) && flows;
    if (!flows) this.#pause();
  }

  #sendHead(): void {
    if (this.#headSent) return;
    this.#headSent = true;
    const keepsLength = this.#rewriter === undefined;
    this.#request.response.writeHead(this.#status, answerHeaders(this.#headers, { keepsLength }));
  }

  /** Settles first, because aborting reports an error at once, which would be held against the server. */
  #cut(outcome: RelayOutcome, reason: Error): void {
    if (this.#settled) return;
    this.#settle(outcome);
    this.#controller?.abort(reason);
  }

  #settle(outcome: RelayOutcome): void {
    this.#settled = true;
    this.#stall?.cancel();
    const { response, signal } = this.#request;
    signal.removeEventListener('abort', this.clientGone);
    response.off('drain', this.#drained);
    this.#resolve(outcome);
  }
}
