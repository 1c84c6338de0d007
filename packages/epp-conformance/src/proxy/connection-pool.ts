// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  ConnectError,
  connectExtProc,
  type ExtProcConnection,
  type GrpcAddress,
  type OpenStreamOptions,
  type Transport,
} from './ext-proc-connection.ts';
import type { ExtProcStream } from './ext-proc-stream.ts';

/** The connections of a proxy: as many as the endpoint picker's limit of streams asks for. */
export interface ConnectionPool extends Disposable {
  readonly transport: Transport;
  /** Opens a stream where there is room, on a new connection if need be. Rejects with {@link ConnectError}. */
  openStream(options?: OpenStreamOptions): Promise<ExtProcStream>;
  /** A connection of its own, which the pool does not use. It ends with the pool. */
  connect(): Promise<ExtProcConnection>;
}

export interface PoolOptions {
  /** `auto` tries TLS first. */
  readonly transport: Transport | 'auto';
  readonly clock: Clock;
  readonly waitMs: number;
}

/** Connects to an endpoint picker. Rejects with {@link ConnectError}. */
export async function createConnectionPool(
  address: GrpcAddress,
  options: PoolOptions,
): Promise<ConnectionPool> {
  const first = await connectEitherWay(address, options);
  return new Pool(first, address, options);
}

async function connectEitherWay(
  address: GrpcAddress,
  { transport, ...rest }: PoolOptions,
): Promise<ExtProcConnection> {
  if (transport !== 'auto') return connectExtProc(address, { transport, ...rest });
  try {
    return await connectExtProc(address, { transport: 'tls', ...rest });
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return connectExtProc(address, { transport: 'plaintext', ...rest });
  }
}

class Pool implements ConnectionPool {
  readonly transport: Transport;
  readonly #address: GrpcAddress;
  readonly #options: PoolOptions;
  /** All that were ever made: a connection that takes no new streams may have old ones. */
  readonly #all = new Set<ExtProcConnection>();
  #usable: ExtProcConnection[];
  #connecting: Promise<ExtProcConnection> | undefined;

  constructor(first: ExtProcConnection, address: GrpcAddress, options: PoolOptions) {
    this.transport = first.transport;
    this.#all.add(first);
    this.#usable = [first];
    this.#address = address;
    this.#options = options;
  }

  async openStream(options?: OpenStreamOptions): Promise<ExtProcStream> {
    this.#usable = this.#usable.filter(({ ended }) => ended === undefined);
    const connection = this.#usable.find(({ room }) => room > 0);
    if (connection !== undefined) return connection.openStream(options);
    // Whoever else finds no room meanwhile waits for the same one.
    this.#connecting ??= this.#connect();
    try {
      const fresh = await this.#connecting;
      if (!this.#usable.includes(fresh)) this.#usable.push(fresh);
      if (fresh.room > 0) return fresh.openStream(options);
    } finally {
      this.#connecting = undefined;
    }
    return (await this.#connect()).openStream(options);
  }

  connect(): Promise<ExtProcConnection> {
    return this.#connect();
  }

  [Symbol.dispose](): void {
    for (const connection of this.#all) connection.destroy();
  }

  async #connect(): Promise<ExtProcConnection> {
    const { transport } = this;
    const connection = await connectExtProc(this.#address, { ...this.#options, transport });
    this.#all.add(connection);
    return connection;
  }
}
