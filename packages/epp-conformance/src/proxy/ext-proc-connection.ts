// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { externalProcessorProcessPath } from '@llm-d/protos';
import { connect, type ClientHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { createExtProcStream, type ExtProcStream } from './ext-proc-stream.ts';

/** Where gRPC is served. */
export interface GrpcAddress {
  readonly host: string;
  readonly port: number;
}

/** Whether a connection is encrypted. Certificates are not verified, as gateways do with endpoint pickers. */
export type Transport = 'tls' | 'plaintext';

/** No connection could be had, or it was no HTTP/2. */
export class ConnectError extends Error {
  readonly code = 'CONNECT';
  readonly address: GrpcAddress;
  constructor(address: GrpcAddress, problem: string, options?: ErrorOptions) {
    super(`${address.host}:${address.port}: ${problem}`, options);
    this.name = 'ConnectError';
    this.address = address;
  }
}

export interface OpenStreamOptions {
  /** What the proxy calls the endpoint picker. Default host and port. */
  readonly authority?: string;
  /** Default: ext_proc's only one. */
  readonly method?: string;
  /** Further headers of the call. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** One connection of the proxy to the endpoint picker. */
export interface ExtProcConnection extends Disposable {
  readonly transport: Transport;
  /** The protocol that TLS agreed on; undefined in plaintext. */
  readonly alpnProtocol: string | undefined;
  /** Begins an exchange. */
  openStream(options?: OpenStreamOptions): ExtProcStream;
  /** Streams that may be opened right now. */
  readonly room: number;
  /** Why the endpoint picker ended the connection, or announced to; undefined while it has not. */
  readonly ended: string | undefined;
  /** Whether the other side answered within `waitMs`. */
  ping(waitMs: number): Promise<boolean>;
  /** Cuts it, with everything on it. */
  destroy(): void;
}

export interface ConnectOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly waitMs: number;
}

/** Large enough for every body that is sent, so that the kit's window is never what holds an answer back. */
const WINDOW_BYTES = 16 * 2 ** 20;

/**
 * Connects, and resolves when the other side has said its settings. Rejects with {@link ConnectError}.
 *
 * The connection is `node:http2`'s and not grpc-js's, because a proxy does what grpc-js cannot be made to do: it resets
 * streams with INTERNAL_ERROR and says authorities that are no URI.
 */
export function connectExtProc(
  address: GrpcAddress,
  options: ConnectOptions,
): Promise<ExtProcConnection> {
  const { transport, clock, waitMs } = options;
  const scheme = transport === 'tls' ? 'https' : 'http';
  const session = connect(`${scheme}://${address.host}:${address.port}`, {
    rejectUnauthorized: false,
    settings: { initialWindowSize: WINDOW_BYTES, enablePush: false },
  });
  return new Promise((resolve, reject) => {
    const fail = (problem: string, cause?: unknown) => {
      timer.cancel();
      session.destroy();
      reject(new ConnectError(address, problem, { cause }));
    };
    const timer = clock.schedule(waitMs, () => {
      fail(`no HTTP/2 over ${transport} within ${waitMs} ms`);
    });
    session.once('connect', () => {
      session.setLocalWindowSize(WINDOW_BYTES);
    });
    session.once('error', (error: Error) => {
      fail(error.message, error);
    });
    session.once('remoteSettings', () => {
      timer.cancel();
      session.removeAllListeners('error');
      resolve(new Http2ExtProcConnection(session, address, options));
    });
    session.once('close', () => {
      fail('the connection was closed');
    });
  });
}

class Http2ExtProcConnection implements ExtProcConnection {
  readonly transport: Transport;
  readonly alpnProtocol: string | undefined;
  readonly #session: ClientHttp2Session;
  readonly #address: GrpcAddress;
  readonly #clock: Clock;
  #open = 0;
  #ended: string | undefined;

  constructor(session: ClientHttp2Session, address: GrpcAddress, options: ConnectOptions) {
    this.#session = session;
    this.#address = address;
    this.#clock = options.clock;
    this.transport = options.transport;
    // Over TLS, the socket is one of TLS.
    this.alpnProtocol =
      options.transport === 'tls' ? String((session.socket as TLSSocket).alpnProtocol) : undefined;
    session.on('goaway', (errorCode: number) => {
      this.#ended ??= `GOAWAY with error code ${errorCode}`;
    });
    session.on('error', (error: Error) => {
      this.#ended ??= error.message;
    });
    session.on('close', () => {
      this.#ended ??= 'the connection was closed';
    });
  }

  get room(): number {
    if (this.#ended !== undefined) return 0;
    const most = this.#session.remoteSettings.maxConcurrentStreams ?? Infinity;
    return most - this.#open;
  }

  get ended(): string | undefined {
    return this.#ended;
  }

  openStream(options: OpenStreamOptions = {}): ExtProcStream {
    const { host, port } = this.#address;
    if (this.#ended !== undefined) throw new ConnectError(this.#address, this.#ended);
    const stream = this.#session.request(
      {
        ':method': 'POST',
        ':path': options.method ?? externalProcessorProcessPath,
        ':authority': options.authority ?? `${host}:${port}`,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...options.metadata,
      },
      { endStream: false },
    );
    this.#open++;
    stream.once('close', () => {
      this.#open--;
    });
    return createExtProcStream(stream, this.#clock);
  }

  ping(waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(waitMs, () => {
        resolve(false);
      });
      if (this.#session.destroyed) return;
      this.#session.ping((error) => {
        timer.cancel();
        resolve(error === null);
      });
    });
  }

  destroy(): void {
    this.#session.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }
}
