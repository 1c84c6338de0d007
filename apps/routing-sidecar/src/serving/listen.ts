// SPDX-License-Identifier: Apache-2.0
import type { TlsCertificate, TlsPolicy } from '@llm-d/app-process/tls';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ListenOptions {
  /** Undefined for every address. */
  readonly host: string | undefined;
  readonly port: number;
  /** The flag that sets the port, for the error. */
  readonly flag: string;
  /** Undefined for plaintext. */
  readonly tls?: (TlsCertificate & { readonly policy: TlsPolicy }) | undefined;
  /** Longest time that a request may take to arrive. */
  readonly requestTimeoutMs: number;
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes over a connection that wants to speak WebSocket. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** A port that is listened on. */
export interface Listener {
  readonly port: number;
  /** Connections from now on are made with this, where they are made with one at all. */
  setCertificate(certificate: TlsCertificate): void;
  /** Refuses new connections, lets open ones finish their requests, and resolves when none is left. */
  drain(): Promise<void>;
  /** Cuts what is still open. */
  destroy(): void;
}

/** A port that cannot be listened on. */
export class ListenError extends Error {
  readonly code = 'LISTEN';
  readonly port: number;
  constructor(flag: string, port: number, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`cannot listen on port ${port}: ${why}; see ${flag} and --bind-address`, { cause });
    this.name = 'ListenError';
    this.port = port;
  }
}

const MAX_HEAD_BYTES = 1024 * 1024;
/** Longer than gateways keep idle connections, so that it is they who close one. */
const KEEP_ALIVE_MS = 300_000;
/** How often a draining listener looks for connections that have become idle. */
const DRAIN_SWEEP_MS = 50;
const HEAD_TIMEOUT_MS = 30_000;

/** Listens for HTTP/1.1. Rejects with {@link ListenError}. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const server = serverOf(options);
  /** Connections that the HTTP server has let go of. */
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.on('close', () => upgraded.delete(socket));
    options.upgrade(request, socket, head);
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(new ListenError(options.flag, options.port, error));
    };
    server.once('error', failed);
    server.listen({ port: options.port, host: options.host ?? '::', backlog: 1024 }, () => {
      server.off('error', failed);
      resolve();
    });
  });
  return {
    // A TCP server's address is an object.
    port: (server.address() as AddressInfo).port,
    setCertificate: ({ cert, key }) => {
      if (server instanceof TlsServer) server.setSecureContext({ cert, key });
    },
    drain: () =>
      new Promise((resolve) => {
        // This closes connections that are idle; others become so one by one.
        const sweep = setInterval(() => {
          server.closeIdleConnections();
        }, DRAIN_SWEEP_MS);
        server.close(() => {
          clearInterval(sweep);
          resolve();
        });
      }),
    destroy: () => {
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
    },
  };
}

/** Other protocols may be offered with any request, and are not taken up. */
const wantsWebSocket = ({ method, headers }: IncomingMessage): boolean =>
  method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket';

function serverOf({ tls, requestTimeoutMs, handle }: ListenOptions): Server {
  const settings = {
    maxHeaderSize: MAX_HEAD_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    headersTimeout: Math.min(HEAD_TIMEOUT_MS, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    noDelay: true,
    shouldUpgradeCallback: wantsWebSocket,
  };
  if (tls === undefined) return createServer(settings, handle);
  const { cert, key, policy } = tls;
  return createTlsServer(
    {
      ...settings,
      ...{ cert, key },
      minVersion: policy.minVersion ?? 'TLSv1.2',
      ...(policy.ciphers !== undefined && { ciphers: policy.ciphers }),
    },
    handle,
  );
}
