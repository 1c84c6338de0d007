// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import { tokenUsageOf, type PlacedExchange } from '@llm-d/endpoint-picker';
import type { ResponseObserver } from '@llm-d/inference-api';
import type { Dispatcher, Pool } from 'undici';
import type { FrontResponse } from '../front/listener.ts';
import { answerHeaders } from './forwarded-headers.ts';

/** How one try on one server ended. */
export type ForwardOutcome =
  /** The answer, or as much of it as the client waited for, is with the client. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'client-gone' }
  /** Higher priorities needed the room. Either nothing has reached the client, or its connection was cut. */
  | { readonly kind: 'evicted' }
  /** Nothing has reached the client: another server may try. */
  | { readonly kind: 'failed'; readonly failure: UpstreamFailure; readonly error: Error }
  /** The answer broke off in the middle; the client's connection was cut. */
  | { readonly kind: 'broken'; readonly error: Error };

/** What kept a server from answering; `unsendable` is no server's fault: the request is no valid HTTP/1.1. */
export type UpstreamFailure = 'unreachable' | 'reset' | 'timeout' | 'overloaded' | 'unsendable';

export interface ForwardRequest {
  readonly pool: Pool;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer | null;
  readonly response: FrontResponse;
  /** Aborted when the client has left; `close` of its response may have been long ago. */
  readonly signal: AbortSignal;
  readonly exchange: PlacedExchange;
  /** Sees the answer's bytes; undefined where nobody wants to know. */
  readonly observer:
    ((status: number, headers: NodeJS.Dict<string | string[]>) => ResponseObserver) | undefined;
  /** Headers to add to the answer. */
  readonly extraHeaders: Readonly<Record<string, string>>;
  /** Whether a server that says 503 may be replaced by another one. */
  readonly mayRetry: boolean;
  readonly clock: Clock;
  /** Longest time in which a client may take nothing of its answer; then its connection is cut. */
  readonly stallTimeoutMs: number;
}

/** A server that is up and cannot take more, said by its 503. */
export class OverloadedError extends Error {
  readonly code = 'UPSTREAM_OVERLOADED';
  constructor() {
    super('the model server answered 503');
    this.name = 'OverloadedError';
  }
}

const CLIENT_GONE = new Error('the client is gone');
const EVICTED = new Error('the request was evicted');

/**
 * Sends a request to one server and streams its answer to the client, at the client's pace. The head is held back until
 * the first byte of the body, so that a server that dies before it has said anything can be replaced. Ends `exchange`.
 */
export function forward(request: ForwardRequest): Promise<ForwardOutcome> {
  return new Promise((resolve) => {
    request.pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers,
        body: request.body,
      },
      new Transfer(request, resolve),
    );
  });
}

interface Head {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
}

class Transfer implements Dispatcher.DispatchHandler {
  readonly #request: ForwardRequest;
  readonly #resolve: (outcome: ForwardOutcome) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Head | undefined;
  #observer: ResponseObserver | undefined;
  /** Set while the client takes nothing. */
  #stall: Timer | undefined;
  #settled = false;

  constructor(request: ForwardRequest, resolve: (outcome: ForwardOutcome) => void) {
    this.#request = request;
    this.#resolve = resolve;
    request.exchange.onEvicted(this.#evicted);
  }

  readonly #clientClosed = (): void => {
    if (this.#settled) return;
    // First, because aborting reports an error at once, which would be held against the server.
    this.#settle({ kind: 'client-gone' });
    this.#controller?.abort(CLIENT_GONE);
  };

  readonly #evicted = (): void => {
    if (this.#settled) return;
    const { response } = this.#request;
    this.#settle({ kind: 'evicted' });
    this.#controller?.abort(EVICTED);
    if (response.headersSent) response.destroy();
  };

  readonly #drained = (): void => {
    this.#stall?.cancel();
    this.#stall = undefined;
    this.#controller?.resume();
  };

  /** Stops reading from the server until the client has caught up, which it must in time. */
  #pause(controller: Dispatcher.DispatchController): void {
    const { clock, stallTimeoutMs, response } = this.#request;
    controller.pause();
    this.#stall ??= clock.schedule(stallTimeoutMs, () => response.destroy());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    const { response, signal } = this.#request;
    if (this.#settled) {
      controller.abort(EVICTED);
      return;
    }
    if (signal.aborted) {
      this.#clientClosed();
      return;
    }
    response.on('close', this.#clientClosed);
    response.on('drain', this.#drained);
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: NodeJS.Dict<string | string[]>,
  ): void {
    if (status < 200) return;
    const { exchange, mayRetry, extraHeaders, observer } = this.#request;
    if (status === 503 && mayRetry) {
      controller.abort(new OverloadedError());
      return;
    }
    const clientHeaders = exchange.responseHeaders(status, flat(headers));
    this.#observer = observer?.(status, headers);
    this.#head = {
      status,
      headers: { ...answerHeaders(headers), ...extraHeaders, ...Object.fromEntries(clientHeaders) },
    };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#sendHead();
    this.#request.exchange.responseBytes(chunk.length);
    this.#observer?.push(chunk);
    if (!this.#request.response.write(chunk)) this.#pause(controller);
    this.#request.exchange.responseHandled();
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    this.#sendHead();
    this.#request.response.end();
    this.#settle({ kind: 'answered' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settled) return;
    if (this.#request.response.headersSent) {
      // The status is out, so cutting the connection is the only way to say that this is not the whole answer.
      this.#request.response.destroy(error);
      this.#settle({ kind: 'broken', error });
    } else {
      this.#settle({ kind: 'failed', failure: failureOf(error), error });
    }
  }

  #sendHead(): void {
    const head = this.#head;
    if (head === undefined) return;
    this.#head = undefined;
    this.#request.response.writeHead(head.status, head.headers);
  }

  #settle(outcome: ForwardOutcome): void {
    this.#settled = true;
    this.#stall?.cancel();
    const { response, exchange } = this.#request;
    response.off('close', this.#clientClosed);
    response.off('drain', this.#drained);
    const observed = this.#observer?.observe();
    exchange.end({
      termination: terminationOf(outcome),
      usage: observed?.usage && tokenUsageOf(observed.usage),
    });
    this.#resolve(outcome);
  }
}

/** Heads as a map, values of repeated headers joined by a comma. */
function flat(headers: NodeJS.Dict<string | string[]>): ReadonlyMap<string, string> {
  const map = new Map<string, string>();
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) map.set(name, typeof value === 'string' ? value : value.join(', '));
  }
  return map;
}

function terminationOf(
  outcome: ForwardOutcome,
): 'natural' | 'client-disconnect' | 'evicted' | 'error' {
  switch (outcome.kind) {
    case 'answered':
      return 'natural';
    case 'client-gone':
      return 'client-disconnect';
    case 'evicted':
      return 'evicted';
    case 'failed':
    case 'broken':
      return 'error';
  }
}

function failureOf(error: Error & { code?: string }): UpstreamFailure {
  if (error instanceof OverloadedError) return 'overloaded';
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENOTFOUND':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'unreachable';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return 'timeout';
    case 'UND_ERR_INVALID_ARG':
      return 'unsendable';
    default:
      return 'reset';
  }
}
