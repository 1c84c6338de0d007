// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface CannedServersOptions {
  readonly count: number;
  /** What `GET /metrics` answers with. */
  readonly exposition: string;
  /** What it answers with when it is asked by name, as vLLM does. Default the same. */
  readonly narrowExposition?: string;
  /** Answers an inference request whose body has come. `head` is its request line and header lines. */
  readonly answer: (socket: Socket, head: string) => void;
}

/** Servers that look like engines from the gateway and do nothing but write prepared bytes. */
export interface CannedServers extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly ports: readonly number[];
}

/** The model that canned servers serve. */
export const MODEL = 'bench-model';

const HEAD_END = Buffer.from('\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/** A whole HTTP/1.1 answer. */
export function cannedAnswer(body: string, contentType = 'application/json'): Buffer {
  const length = Buffer.byteLength(body);
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: ${contentType}\r\ncontent-length: ${length}\r\n\r\n${body}`,
  );
}

/** Starts servers on ports of their own. */
export async function startCannedServers(options: CannedServersOptions): Promise<CannedServers> {
  const plain = 'text/plain; version=0.0.4; charset=utf-8';
  const metrics = cannedAnswer(options.exposition, plain);
  const narrow = cannedAnswer(options.narrowExposition ?? options.exposition, plain);
  const models = cannedAnswer(
    JSON.stringify({ object: 'list', data: [{ id: MODEL, object: 'model' }] }),
  );
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.on(
      'data',
      requestReader((head) => {
        if (head.startsWith('POST ')) options.answer(socket, head);
        else if (head.startsWith('GET /metrics?')) socket.write(narrow);
        else socket.write(head.startsWith('GET /metrics ') ? metrics : models);
      }),
    );
  };
  const servers = await Promise.all(
    Array.from({ length: options.count }, async () => {
      const server = createServer({ noDelay: true }, serve);
      server.listen(0, '127.0.0.1', 1024);
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map(portOf);
  return {
    ports,
    urls: ports.map((port) => `http://127.0.0.1:${port}`),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
    },
  };
}

// A TCP server's address is an object.
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** Finds the ends of requests in a connection's bytes. */
function requestReader(onRequest: (head: string) => void): (chunk: Buffer) => void {
  let head = '';
  let rest: Buffer | undefined;
  let missing = 0;
  return (chunk) => {
    if (missing > 0) {
      missing -= chunk.length;
      if (missing <= 0) onRequest(head);
      return;
    }
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      rest = bytes;
      return;
    }
    rest = undefined;
    head = bytes.toString('latin1', 0, end);
    const length = Number(CONTENT_LENGTH.exec(head)?.[1] ?? 0);
    missing = length - (bytes.length - end - HEAD_END.length);
    if (missing <= 0) onRequest(head);
  };
}
