// SPDX-License-Identifier: Apache-2.0
import { createServer as createHttp1Server, type IncomingMessage } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2Session,
} from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** A request of either protocol version; both offer what the gateway uses. */
export type FrontRequest = IncomingMessage | Http2ServerRequest;
/** The answer to a {@link FrontRequest}: what the two versions' classes have in common. */
export interface FrontResponse extends Pick<
  Writable,
  'on' | 'off' | 'write' | 'end' | 'destroy' | 'destroyed'
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

/** Longer than the idle time of usual load balancers, so that it is they who close a connection. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
/** How often a draining listener looks for connections that have become idle. */
const DRAIN_SWEEP_MS = 50;
const HTTP2_PREFACE = 'PRI * HTTP/2.0';
/** How long a connection may stay silent before its first byte. */
const FIRST_BYTE_TIMEOUT_MS = 60_000;

/**
 * Listens for HTTP/1.1 and for HTTP/2 without TLS on one port; a client's first bytes tell which it speaks.
 * Rejects with {@link PortInUseError} where the port is taken.
 */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  const http1 = createHttp1Server(
    { maxHeaderSize: options.maxHeaderBytes, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS },
    options.handle,
  );
  // It never listens itself; this event is what starts its watch over slow heads, slow bodies and idle connections.
  http1.emit('listening');
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable) socket.end(options.rejectHttp1(error.code));
    else socket.destroy();
  });
  const http2 = createHttp2Server(
    { settings: { maxHeaderListSize: options.maxHeaderBytes, maxConcurrentStreams: 1000 } },
    options.handle,
  );
  http2.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
  });

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Each HTTP server reports errors of its connections; this keeps one before its first byte from being fatal.
    socket.on('error', () => undefined);
    socket.setTimeout(FIRST_BYTE_TIMEOUT_MS, () => socket.destroy());
    socket.once('data', (first) => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout');
      socket.pause();
      socket.unshift(first);
      const speaksHttp2 = first.toString('latin1', 0, HTTP2_PREFACE.length) === HTTP2_PREFACE;
      (speaksHttp2 ? http2 : http1).emit('connection', socket);
      socket.resume();
    });
  });

  await new Promise<void>((resolve, reject) => {
    tcp.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new PortInUseError(options.host, options.port, { cause: error })
          : error,
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
        for (const session of sessions) session.close();
        http1.closeIdleConnections();
      }),
    destroy: () => {
      for (const socket of sockets) socket.destroy();
      http1.close();
    },
  };
}
