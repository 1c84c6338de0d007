// SPDX-License-Identifier: Apache-2.0
import {
  Metadata as GrpcJsMetadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import { systemClock, type Clock } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type {
  GrpcHandler,
  GrpcServer,
  GrpcStream,
  GrpcStreamListener,
  ListenOptions,
  StreamClose,
  TlsCertificate,
} from './grpc-server.ts';
import {
  headerFieldsOf,
  metadataOf,
  type Metadata,
  type MetadataEntries,
} from './grpc/metadata.ts';
import { Status } from './grpc/status.ts';

/** Settings of a server on `@grpc/grpc-js`. */
export interface GrpcJsServerOptions {
  /** Largest message. Default 4 MiB. */
  readonly maxReceiveBytes?: number;
  /** For the time-out of `drain`. Default: the machine's clock. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly telemetry?: Telemetry;
}

/**
 * A {@link GrpcServer} on `@grpc/grpc-js`, so on `node:http2`. It cannot serve clients whose `:authority` is no URI
 * authority (Istio's), and it cannot change its certificate.
 */
export function createGrpcJsServer(options: GrpcJsServerOptions = {}): GrpcServer {
  return new GrpcJsServer(options);
}

class GrpcJsServer implements GrpcServer {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;

  constructor(options: GrpcJsServerOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#telemetry = options.telemetry ?? noopTelemetry;
    this.#server = new Server({
      'grpc.max_receive_message_length': options.maxReceiveBytes ?? 4 * 2 ** 20,
      'grpc.max_send_message_length': -1,
    });
    allowResets(this.#server);
  }

  handle(method: string, handler: GrpcHandler): void {
    const bytes = (message: Buffer): Buffer => message;
    this.#server.register(
      method,
      (call: ServerDuplexStream<Buffer, Buffer>) => {
        new GrpcJsStream(call, this.#telemetry).start(handler);
      },
      bytes,
      bytes,
      'bidi',
    );
  }

  listen(options: ListenOptions): Promise<{ readonly port: number }> {
    const { host = '0.0.0.0', port, tls, tlsPolicy = {} } = options;
    if (tls !== undefined && Object.values(tlsPolicy).some((wish) => wish !== undefined)) {
      return Promise.reject(new Error('a grpc-js server cannot limit versions or ciphers of TLS'));
    }
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) },
          ]);
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
        if (error === null) resolve({ port: bound });
        else reject(error);
      });
    });
  }

  setCertificate(_certificate: TlsCertificate): void {
    throw new Error('a grpc-js server cannot change its certificate');
  }

  drain(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.schedule(timeoutMs, () => {
        this.#server.forceShutdown();
      });
      this.#server.tryShutdown(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.tryShutdown(() => {
        resolve();
      });
      this.#server.forceShutdown();
    });
  }
}

/**
 * A proxy resets every ext_proc stream, and nghttp2 ends a connection after about a thousand resets. There is no
 * public option; this private field becomes the options of `http2.createServer` in grpc-js 1.14.
 */
function allowResets(server: Server): void {
  const options: unknown = Reflect.get(server, 'commonServerOptions');
  if (typeof options !== 'object' || options === null)
    throw new Error('this version of grpc-js keeps its HTTP/2 options elsewhere');
  Object.assign(options, { streamResetBurst: 1_000_000_000, streamResetRate: 1_000_000_000 });
}

class GrpcJsStream implements GrpcStream {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #telemetry: Telemetry;
  readonly #abort = new AbortController();
  #listener: GrpcStreamListener = {};
  #metadata: Metadata | undefined;
  #ended = false;
  #closed = false;
  /** `send` gave false and nobody has heard that there is room again. */
  #full = false;

  constructor(call: ServerDuplexStream<Buffer, Buffer>, telemetry: Telemetry) {
    this.#call = call;
    this.#telemetry = telemetry;
  }

  start(handler: GrpcHandler): void {
    const call = this.#call;
    this.#guarded(() => {
      this.#listener = handler(this);
    });
    call.on('cancelled', () => {
      // grpc-js runs deadlines itself and reports them as cancellations.
      this.#close({ reason: this.#deadlinePassed() ? 'deadline' : 'reset' });
    });
    call.on('drain', () => {
      if (!this.#full || this.#closed) return;
      this.#full = false;
      this.#guarded(() => this.#listener.onDrain?.());
    });
    call.on('end', () => {
      if (!this.#closed) this.#guarded(() => this.#listener.onHalfClose?.());
    });
    call.on('error', () => {
      // Ours, on its way to the client.
    });
    call.on('data', (message: Buffer) => {
      if (!this.#closed) this.#guarded(() => this.#listener.onMessage?.(message));
    });
    call.on('finish', () => {
      this.#close({ reason: 'finished' });
    });
  }

  get method(): string {
    return this.#call.getPath();
  }

  get authority(): string {
    return this.#call.getHost();
  }

  get metadata(): Metadata {
    this.#metadata ??= metadataOf(rawHeadersOf(this.#call.metadata));
    return this.#metadata;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  send(message: Uint8Array | readonly Uint8Array[]): boolean {
    if (this.#ended || this.#closed) return false;
    const bytes = message instanceof Uint8Array ? Buffer.from(message) : Buffer.concat(message);
    const accepted = this.#call.write(bytes);
    if (!accepted) this.#full = true;
    return accepted;
  }

  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  end(status: Status, message?: string, trailers?: MetadataEntries): void {
    if (this.#ended || this.#closed) return;
    const metadata = new GrpcJsMetadata();
    for (const [key, value] of trailers ?? []) {
      // Refuses what the other transport refuses.
      Array.from(headerFieldsOf([[key, value]]));
      metadata.add(key, typeof value === 'string' ? value : Buffer.from(value));
    }
    this.#ended = true;
    if (status === Status.ok) {
      this.#call.end(metadata);
      return;
    }
    this.#call.emit('error', { code: status, details: message ?? '', metadata });
    this.#close({ reason: 'finished' });
  }

  #deadlinePassed(): boolean {
    const deadline = this.#call.getDeadline();
    return Number(deadline) <= systemClock.epochMs();
  }

  #close(close: StreamClose): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#listener.onClose?.(close);
    } catch (error) {
      this.#telemetry.logger.error('A listener failed while its stream closed', { error });
    }
    this.#abort.abort();
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#telemetry.logger.error('A handler failed', { method: this.method, error });
      this.end(Status.internal, 'internal error');
    }
  }
}

function rawHeadersOf(metadata: GrpcJsMetadata): {
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly first: number;
} {
  const names: string[] = [];
  const values: string[] = [];
  for (const name of Object.keys(metadata.getMap())) {
    for (const value of metadata.get(name)) {
      names.push(name);
      values.push(typeof value === 'string' ? value : value.toString('base64'));
    }
  }
  return { names, values, first: 0 };
}
