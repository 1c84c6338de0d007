// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { KubeRequest, KubeResponse } from '../client/transport.ts';

/** The fake on a port. */
export interface HttpListener extends AsyncDisposable {
  /** Such as `http://127.0.0.1:12345`. */
  readonly url: string;
}

/** Serves `handle` on a free port of 127.0.0.1. What it rejects with breaks the connection. */
export async function startHttpListener(
  handle: (request: KubeRequest) => Promise<KubeResponse>,
): Promise<HttpListener> {
  const server = createServer((request, response) => {
    serve(handle, request, response).catch(() => {
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  handle: (request: KubeRequest) => Promise<KubeResponse>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on('close', () => {
    gone.abort();
  });
  const answer = await handle({
    // Whatever else it might be is refused by the routing.
    method: request.method as KubeRequest['method'],
    path: request.url ?? '/',
    contentType: request.headers['content-type'] ?? '',
    body: await text(request),
    signal: gone.signal,
  });
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    ...(answer.retryAfter !== undefined && { 'retry-after': answer.retryAfter }),
  });
  response.flushHeaders();
  for await (const chunk of answer.body) response.write(chunk);
  response.end();
}
