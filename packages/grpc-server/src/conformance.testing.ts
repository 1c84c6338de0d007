// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ChannelOptions,
  type ClientDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';
import type { GrpcServer, GrpcStream, StreamClose, TlsCertificate } from './grpc-server.ts';
import { Status } from './grpc/status.ts';

/** A certificate of testdata by its name. */
export const certificate = (name: 'first' | 'second'): TlsCertificate => ({
  cert: readFileSync(new URL(`testdata/${name}.crt`, import.meta.url)),
  key: readFileSync(new URL(`testdata/${name}.key`, import.meta.url)),
});

/** What a client heard from the beginning to the end of a call. */
export interface Heard {
  readonly messages: Buffer[];
  readonly status: StatusObject;
}

/** A call of the client, and the promise of how it went. */
export interface ClientCall {
  readonly stream: ClientDuplexStream<Buffer, Buffer>;
  readonly done: Promise<Heard>;
}

/** A server with the methods of the suite, a grpc-js client for it, and what the server saw. */
export class Scene implements AsyncDisposable {
  readonly server: GrpcServer;
  readonly closes: StreamClose[] = [];
  readonly streams: GrpcStream[] = [];
  port = 0;
  client = new Client('127.0.0.1:1', credentials.createInsecure());
  #waiters: (() => void)[] = [];

  constructor(server: GrpcServer) {
    this.server = server;
    server.handle('/t/Echo', (stream) => ({
      onMessage: (message) => stream.send(message),
      onHalfClose: () => {
        const trailers = [
          ['x-text', 'a'],
          ['x-text', 'b'],
          ['x-raw-bin', Buffer.of(0, 255)],
        ] as const;
        stream.end(Status.ok, undefined, trailers);
      },
      onClose: this.#closed,
    }));
    server.handle('/t/Fail', (stream) => {
      stream.end(Status.invalidArgument, 'bad: ü %\n');
      return { onClose: this.#closed };
    });
    server.handle('/t/Throw', () => ({
      onMessage: () => {
        throw new Error('a fault of the application');
      },
      onClose: this.#closed,
    }));
    server.handle('/t/Hold', (stream) => {
      this.streams.push(stream);
      this.#wake();
      return { onMessage: () => stream.send(Buffer.from('held')), onClose: this.#closed };
    });
    server.handle('/t/Describe', (stream) => {
      const { method, metadata } = stream;
      const description = {
        method,
        text: metadata.getAll('x-text'),
        first: metadata.get('x-text'),
        binary: metadata.getBinary('x-raw-bin')?.toString('hex'),
        absent: metadata.get('x-absent') ?? null,
      };
      stream.send([Buffer.from(JSON.stringify(description)), Buffer.from('\n')]);
      stream.end(Status.ok);
      return { onClose: this.#closed };
    });
  }

  readonly #closed = (close: StreamClose): void => {
    this.closes.push(close);
    this.#wake();
  };

  #wake(): void {
    for (const waiter of this.#waiters.splice(0)) waiter();
  }

  /** Resolves when `condition` holds; it is looked at whenever the server sees a stream begin or end. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  async listen(options: { readonly tls?: TlsCertificate } = {}): Promise<this> {
    ({ port: this.port } = await this.server.listen({ host: '127.0.0.1', port: 0, ...options }));
    this.client.close();
    this.client = this.connect(options.tls);
    return this;
  }

  connect(tls?: TlsCertificate, options: ChannelOptions = {}): Client {
    const channel =
      tls === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(Buffer.from(tls.cert));
    return new Client(`localhost:${this.port}`, channel, {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
  }

  call(
    method: string,
    options: {
      readonly metadata?: Metadata;
      readonly call?: CallOptions;
      readonly client?: Client;
    } = {},
  ): ClientCall {
    const same = (bytes: Buffer): Buffer => bytes;
    const { metadata = new Metadata(), client = this.client } = options;
    const stream = client.makeBidiStreamRequest(method, same, same, metadata, options.call ?? {});
    const messages: Buffer[] = [];
    stream.on('data', (message: Buffer) => messages.push(message));
    stream.on('error', () => undefined);
    const done = new Promise<Heard>((resolve) => {
      stream.on('status', (status: StatusObject) => {
        resolve({ messages, status });
      });
    });
    return { stream, done };
  }

  /** Sends messages, half-closes and hears the rest. */
  ask(method: string, ...messages: Buffer[]): Promise<Heard> {
    const { stream, done } = this.call(method);
    for (const message of messages) stream.write(message);
    stream.end();
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
    await this.server.close();
  }
}
