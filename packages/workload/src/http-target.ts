// SPDX-License-Identifier: Apache-2.0
import { Pool, type Dispatcher } from 'undici';
import { HttpExchange } from './http-exchange.ts';
import { openAiBody, openAiPath, type OpenAiApi } from './openai-request.ts';
import type { Target } from './target.ts';
import type { WorkloadRequest } from './workload.ts';

/** Where the server is and how it is spoken to. */
export interface HttpTargetOptions {
  /** Base URL of an OpenAI-compatible server, with or without `/v1`. */
  readonly url: string;
  /** The model asked for. */
  readonly model: string;
  /** Default `chat`. */
  readonly api?: OpenAiApi;
  /** Whether answers are streamed. Default true. */
  readonly streaming?: boolean;
  /** Headers of every request, such as `authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further headers of one request, such as an id by which its server remembers it. Default none. */
  readonly requestHeaders?: (request: WorkloadRequest) => Readonly<Record<string, string>>;
  /** Header that carries the session of requests that have one. Default `x-user-id`, LMBenchmark's. */
  readonly sessionHeader?: string;
  /** Time to establish a connection. Default 10 000. */
  readonly connectTimeoutMs?: number;
}

/** A server behind HTTP; closing it ends its connections. */
export interface HttpTarget extends Target, AsyncDisposable {}

/**
 * Sends requests to an OpenAI-compatible server over kept-alive connections, of which there are as many as requests in
 * flight: no request waits for another's connection.
 */
export function createHttpTarget(options: HttpTargetOptions): HttpTarget {
  const { streaming = true, api = 'chat', model, connectTimeoutMs = 10_000 } = options;
  const url = new URL(options.url);
  const pool = new Pool(url.origin, {
    connections: null,
    pipelining: 1,
    // The run has its own timeout, counted on its own clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: connectTimeoutMs },
  });
  const path = openAiPath(url.pathname, api);
  const headers = { 'content-type': 'application/json', ...options.headers };
  const sessionHeader = options.sessionHeader ?? 'x-user-id';
  return {
    streaming,
    submit: (request, callbacks) => {
      const dispatch: Dispatcher.DispatchOptions = {
        path,
        method: 'POST',
        headers: {
          ...headers,
          ...(request.sessionId !== undefined && { [sessionHeader]: request.sessionId }),
          ...options.requestHeaders?.(request),
        },
        body: openAiBody(request, { api, model, stream: streaming }),
      };
      const exchange = new HttpExchange(callbacks, { streaming });
      pool.dispatch(dispatch, exchange);
      return exchange;
    },
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}
