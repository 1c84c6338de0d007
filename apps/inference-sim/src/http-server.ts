// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Logger } from '@llm-d/telemetry';
import { ApiError, unsupportedMediaType } from './api-error.ts';
import { send, sendJson } from './http-response.ts';

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The whole body. @throws ApiError if it is too large or, for a POST, not declared as JSON. */
  readBody(): Promise<Buffer>;
}

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** Handlers by `METHOD /path`. */
export type Routes = ReadonlyMap<string, Handler>;

export interface HttpServerOptions {
  readonly routes: Routes;
  readonly maxBodyBytes: number;
  /** Headers on every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Called first; what it throws is the answer. */
  readonly gate: (request: IncomingMessage) => void;
  readonly logger: Logger;
}

/** An HTTP server that answers unknown paths, wrong methods and errors the way vLLM does. */
export function createHttpServer(options: HttpServerOptions): Server {
  const paths = new Set([...options.routes.keys()].map((route) => route.split(' ')[1]));
  return createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    for (const [name, value] of Object.entries(options.headers)) response.setHeader(name, value);
    response.setHeader('x-inference-port', String(request.socket.localPort));
    const handler = options.routes.get(`${request.method ?? 'GET'} ${path}`);
    if (handler === undefined) {
      const known = paths.has(path);
      const detail = known ? 'Method Not Allowed' : 'Not Found';
      sendJson(response, known ? 405 : 404, JSON.stringify({ detail }));
      return;
    }
    void answer(
      handler,
      { request, response, readBody: () => readBody(request, options) },
      options,
    );
  });
}

async function answer(
  handler: Handler,
  exchange: Exchange,
  options: HttpServerOptions,
): Promise<void> {
  const { request, response } = exchange;
  try {
    options.gate(request);
    await handler(exchange);
  } catch (error) {
    if (error instanceof ApiError) {
      sendJson(response, error.status, error.body());
      return;
    }
    if (request.destroyed && !request.complete) return;
    options.logger.error('a request failed', { error, url: request.url });
    if (response.headersSent) response.destroy();
    else send(response, 500, { body: 'Internal Server Error', contentType: 'text/plain' });
  }
}

async function readBody(request: IncomingMessage, options: HttpServerOptions): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/(json|[\w.-]+\+json)\b/i.test(type.trim())) throw unsupportedMediaType();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > options.maxBodyBytes) {
      throw new ApiError(413, `The request body is larger than ${options.maxBodyBytes} bytes.`);
    }
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
