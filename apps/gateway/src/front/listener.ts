// SPDX-License-Identifier: Apache-2.0
import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type Server as Http1Server,
  type ServerResponse,
} from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2Session,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';

/** A request of either protocol version; both offer what the gateway uses. */
export type FrontRequest = IncomingMessage | Http2ServerRequest;
/** The answer to a {@link FrontRequest}: what the two versions' classes have in common. */
export interface FrontResponse extends Pick<
  Writable,
  'on' | 'off' | 'write' | 'end' | 'destroy' | 'destroyed' | 'writableEnded'
> {
  readonly headersSent: boolean;
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly maxHeaderBytes: number;
  readonly handle: (request: FrontRequest, response: FrontResponse) => void;
  /** A client spoke no valid HTTP/1.1; the raw answer to close its connection with. */
  readonly rejectHttp1: (code: string | undefined) => string;
  /** Longest wait for a connection's first byte, and for a complete request head. Default 60,000. */
  readonly headTimeoutMs?: number;
  /** Longest time that a request may take to arrive, over HTTP/2 the longest pause in it. Default 300,000. */
  readonly requestTimeoutMs?: number;
}

/** A listening port. */
export interface Listener {
  readonly port: number;
  /** Refuses new connections, lets open ones finish their requests, and resolves when none is left. */
  drain(): Promise<void>;
  /** Cuts what is still open. */
  destroy(): void;
}

/** The port is taken. */
export class PortInUseError extends Error {
  readonly code = 'PORT_IN_USE';
  readonly port: number;
  constructor(host: string, port: number, options?: ErrorOptions) {
    super(`port ${port} on ${host} is in use; choose another with --port`, options);
    this.name = 'PortInUseError';
    this.port = port;
  }
}

/** The address cannot be listened on. */
export class ListenError extends Error {
  readonly code = 'LISTEN';
  constructor(host: string, port: number, cause: Error) {
    super(`cannot listen on ${host} port ${port}: ${cause.message}; see --host and --port`, {
      cause,
    });
    this.name = 'ListenError';
  }
}

/** Longer than the idle time of usual load balancers, so that it is they who close a connection. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** How often a draining listener looks for connections that have become idle. */
const DRAIN_SWEEP_MS = 50;
const HTTP2_PREFACE = 'PRI * HTTP/2.0';
/** How often connections with slow requests are looked for, at most. */
const SLOW_SWEEP_MS = 30_000;

/**
 * Listens for HTTP/1.1 and for HTTP/2 without TLS on one port; a client's first bytes tell which it speaks.
 * Rejects with {@link PortInUseError} where the port is taken, and with {@link ListenError} where it is not to be had.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { headTimeoutMs = 60_000, requestTimeoutMs = 300_000 } = options;
  const sockets = new Set<Socket>();
  /** Those that have not said anything yet. */
  const silent = new Set<Socket>();
  const http1 = listenHttp1(options, { headTimeoutMs, requestTimeoutMs });
  const http2 = listenHttp2(options, requestTimeoutMs);

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    silent.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      silent.delete(socket);
    });
    // Each HTTP server reports errors of its connections; this keeps one before its first byte from being fatal.
    socket.on('error', () => undefined);
    socket.setTimeout(headTimeoutMs, () => socket.destroy());
    onProtocol(socket, (protocol) => {
      silent.delete(socket);
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      if (protocol === 'http2') {
        // A session takes what is buffered by itself; if the socket flowed, it would be lost.
        http2.server.emit('connection', socket);
      } else {
        http1.emit('connection', socket);
        socket.resume();
      }
    });
  });

  await new Promise<void>((resolve, reject) => {
    tcp.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new PortInUseError(options.host, options.port, { cause: error })
          : new ListenError(options.host, options.port, error),
      );
    });
    tcp.listen(options.port, options.host, 1024, resolve);
  });

  return {
    // A TCP server's address is an object.
    port: (tcp.address() as AddressInfo).port,
    drain: () =>
      new Promise((resolve) => {
        const sweep = setInterval(() => {
          http1.closeIdleConnections();
        }, DRAIN_SWEEP_MS);
        tcp.close(() => {
          clearInterval(sweep);
          resolve();
        });
        http2.close();
        http1.closeIdleConnections();
        for (const socket of silent) socket.destroy();
      }),
    destroy: () => {
      for (const socket of sockets) socket.destroy();
      http1.close();
    },
  };
}

interface Timeouts {
  readonly headTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/** An HTTP/1.1 server that is given its connections. */
function listenHttp1(
  { maxHeaderBytes, handle, rejectHttp1 }: ListenerOptions,
  { headTimeoutMs, requestTimeoutMs }: Timeouts,
): Http1Server {
  const server = createHttp1Server(
    {
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      headersTimeout: Math.min(headTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(SLOW_SWEEP_MS, headTimeoutMs),
    },
    handle,
  );
  // It never listens itself; this event is what starts its watch over slow heads, slow bodies and idle connections.
  server.emit('listening');
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && !isAnswering(socket)) socket.end(rejectHttp1(error.code));
    else socket.destroy();
  });
  return server;
}

/** Whether the head of an answer is out, into which an error would be mixed. Node's own handler looks there as well. */
const isAnswering = (socket: Duplex & { _httpMessage?: ServerResponse | null }): boolean =>
  socket._httpMessage?.headersSent === true;

/** An HTTP/2 server that is given its connections, and how to end their sessions once their requests are done. */
function listenHttp2(
  { maxHeaderBytes, handle }: ListenerOptions,
  requestTimeoutMs: number,
): { readonly server: Http2Server; close(): void } {
  const sessions = new Set<Http2Session>();
  const server = createHttp2Server(
    { settings: { maxHeaderListSize: maxHeaderBytes, maxConcurrentStreams: 1000 } },
    (request, response) => {
      request.setTimeout(requestTimeoutMs, () => {
        response.destroy();
      });
      request.once('end', () => {
        // What follows is the engine's time to think.
        request.setTimeout(0);
      });
      handle(request, response);
    },
  );
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    // Requests under way are let finish.
    session.setTimeout(KEEP_ALIVE_TIMEOUT_MS, () => {
      session.close();
    });
  });
  return {
    server,
    close: () => {
      for (const session of sessions) session.close();
    },
  };
}

/** Listens to a connection until its first bytes tell what it speaks, and puts them back. */
function onProtocol(socket: Socket, found: (protocol: 'http1' | 'http2') => void): void {
  let heard: Buffer = Buffer.alloc(0);
  const listen = (chunk: Buffer) => {
    heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
    const start = heard.toString('latin1', 0, HTTP2_PREFACE.length);
    // It may come in pieces.
    if (start.length < HTTP2_PREFACE.length && HTTP2_PREFACE.startsWith(start)) return;
    socket.off('data', listen);
    socket.pause();
    socket.unshift(heard);
    found(start === HTTP2_PREFACE ? 'http2' : 'http1');
  };
  socket.on('data', listen);
}
