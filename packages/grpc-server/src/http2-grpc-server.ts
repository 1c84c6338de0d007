// SPDX-License-Identifier: Apache-2.0
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, Server as TlsServer } from 'node:tls';
import { systemClock, type Clock } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type {
  GrpcHandler,
  GrpcServer,
  ListenOptions,
  TlsCertificate,
  TlsPolicy,
} from './grpc-server.ts';
import { dispatch, type DispatcherOptions } from './grpc/dispatcher.ts';
import { BlockPool } from './http2/block-pool.ts';
import { Http2Connection } from './http2/connection.ts';
import { defaultHttp2Limits, type Http2Limits } from './http2/limits.ts';

/** Settings of a server on our own HTTP/2. */
export interface GrpcServerOptions {
  /** Largest message, before and after decompression. Default 4 MiB, as in gRPC. */
  readonly maxReceiveBytes?: number;
  /** Connections at once; further ones are closed on arrival. Default 1,000. */
  readonly maxConnections?: number;
  /** What one connection may take; see {@link Http2Limits} for each default. */
  readonly limits?: Partial<Http2Limits>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: says nothing. Connections that end by an offence of the peer are logged as warnings. */
  readonly telemetry?: Telemetry;
}

/** A {@link GrpcServer} and what it holds. */
export interface Http2GrpcServer extends GrpcServer {
  readonly openConnections: number;
  readonly openStreams: number;
}

const defaultMaxReceiveBytes = 4 * 2 ** 20;
const defaultMaxConnections = 1_000;

/** A gRPC server on our own HTTP/2, which takes what proxies really send: see the README. */
export function createGrpcServer(options: GrpcServerOptions = {}): Http2GrpcServer {
  return new OwnServer(options);
}

class OwnServer implements Http2GrpcServer {
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #limits: Http2Limits;
  readonly #maxConnections: number;
  readonly #dispatcher: DispatcherOptions;
  readonly #handlers = new Map<string, GrpcHandler>();
  readonly #blocks = new BlockPool();
  readonly #connections = new Set<Http2Connection>();
  readonly #waiters: (() => void)[] = [];
  #server: Server | TlsServer | undefined;
  #tlsPolicy: TlsPolicy = {};
  #draining = false;

  constructor(options: GrpcServerOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#telemetry = options.telemetry ?? noopTelemetry;
    this.#limits = { ...defaultHttp2Limits, ...options.limits };
    this.#maxConnections = options.maxConnections ?? defaultMaxConnections;
    this.#dispatcher = {
      clock: this.#clock,
      logger: this.#telemetry.logger,
      maxReceiveBytes: options.maxReceiveBytes ?? defaultMaxReceiveBytes,
      handlers: this.#handlers,
    };
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  get openStreams(): number {
    let streams = 0;
    for (const connection of this.#connections) streams += connection.streamCount;
    return streams;
  }

  handle(method: string, handler: GrpcHandler): void {
    this.#handlers.set(method, handler);
  }

  listen(options: ListenOptions): Promise<{ readonly port: number }> {
    this.#tlsPolicy = options.tlsPolicy ?? {};
    const server = this.#createServer(options.tls);
    this.#server = server;
    server.maxConnections = this.#maxConnections;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.port, options.host, () => {
        server.off('error', reject);
        server.on('error', (error) => {
          this.#telemetry.logger.error('The gRPC listener failed', { error });
        });
        // A server that listens on TCP has an address of this kind.
        resolve({ port: (server.address() as AddressInfo).port });
      });
    });
  }

  setCertificate(certificate: TlsCertificate): void {
    if (!(this.#server instanceof TlsServer)) throw new Error('the server does not speak TLS');
    this.#server.setSecureContext({ ...this.#tlsSettings(), ...certificate });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    const stopped = this.#stopListening();
    for (const connection of [...this.#connections]) connection.drain();
    const timer = this.#clock.schedule(timeoutMs, () => {
      for (const connection of [...this.#connections]) connection.terminate();
    });
    await this.#empty();
    timer.cancel();
    await stopped;
  }

  async close(): Promise<void> {
    this.#draining = true;
    const stopped = this.#stopListening();
    for (const connection of [...this.#connections]) connection.destroy();
    await this.#empty();
    await stopped;
  }

  #createServer(tls: TlsCertificate | undefined): Server | TlsServer {
    if (tls === undefined)
      return createServer({ noDelay: true }, (socket) => {
        this.#accept(socket);
      });
    const handshakeTimeout = this.#limits.handshakeTimeoutMs;
    const settings = { ...this.#tlsSettings(), ...tls };
    const server = createTlsServer({ ...settings, handshakeTimeout, noDelay: true });
    server.on('secureConnection', (socket) => {
      this.#accept(socket);
    });
    server.on('tlsClientError', (error) => {
      this.#telemetry.logger.debug('A TLS handshake failed', { error });
    });
    return server;
  }

  #tlsSettings() {
    const { minVersion, ciphers } = this.#tlsPolicy;
    return {
      ...tlsBasics,
      ...(minVersion !== undefined && { minVersion }),
      ...(ciphers !== undefined && { ciphers }),
    };
  }

  #accept(socket: Socket): void {
    const peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    const connection = new Http2Connection(socket, {
      clock: this.#clock,
      limits: this.#limits,
      blocks: this.#blocks,
      open: (stream) => dispatch(stream, this.#dispatcher),
      closed: (error) => {
        this.#connections.delete(connection);
        if (error !== undefined)
          this.#telemetry.logger.warn('A gRPC connection broke the protocol', { peer, error });
        if (this.#connections.size > 0) return;
        for (const waiter of this.#waiters.splice(0)) waiter();
      },
    });
    this.#connections.add(connection);
    // Accepted by the kernel before the listener closed.
    if (this.#draining) connection.drain();
  }

  #empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  /** Resolves when the port is free and every socket is gone. */
  #stopListening(): Promise<void> {
    const server = this.#server;
    if (server === undefined || !server.listening) return Promise.resolve();
    return new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  }
}

/** Clients without ALPN are let in as well: the preface tells whether they speak HTTP/2. */
const tlsBasics = { ALPNProtocols: ['h2'], minVersion: 'TLSv1.2' } as const;
