// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a fake service got it; its body parsed. */
export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** What a fake service does with a request. Default: it answers 200 with an empty object. */
export interface FakeAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** Instead of `body`. */
  readonly text?: string;
  /** The request is never answered. */
  readonly never?: boolean;
  /** The connection is cut. */
  readonly cut?: boolean;
}

/** A JSON service on 127.0.0.1 that does what a test says. */
export interface FakeService {
  readonly url: string;
  readonly received: readonly FakeRequest[];
  /** Cuts all connections and frees the port. */
  close(): Promise<void>;
}

/** Starts a fake service that answers by `answer`. */
export async function startFakeService(
  answer: (request: FakeRequest) => FakeAnswer,
): Promise<FakeService> {
  const received: FakeRequest[] = [];
  const server = createServer((incoming, response) => {
    void read(incoming).then((request) => {
      received.push(request);
      const { status = 200, body = {}, text, never, cut } = answer(request);
      if (cut === true) incoming.socket.destroy();
      else if (never !== true) {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(text ?? JSON.stringify(body));
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function read(incoming: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  return { method: incoming.method ?? '', path: incoming.url ?? '', body };
}
