// SPDX-License-Identifier: Apache-2.0
import type { Gauge, Logger } from '@llm-d/telemetry';
import {
  connect,
  credsAuthenticator,
  errors,
  nkeyAuthenticator,
  type ConnectionOptions,
  type NatsConnection,
} from '@nats-io/transport-node';
import { KvBusError } from '../bus/kv-bus-error.ts';

/** Who we are to the server. */
export type NatsCredentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }
  /** What a `.creds` file holds: a JWT and the seed that signs. */
  | { readonly kind: 'creds'; readonly text: string }
  | { readonly kind: 'nkey'; readonly seed: string };

/** PEM texts. An empty object asks for TLS with the system's authorities. */
export interface NatsTls {
  /** Whom to believe. */
  readonly ca?: string | undefined;
  /** Our certificate and its key, where the server asks for them. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Encrypts before the server says anything; it must be set up so. Default false. */
  readonly handshakeFirst?: boolean | undefined;
}

export interface NatsLinkOptions {
  /** Such as `nats://nats.example:4222` or `tls://…`; several are one cluster. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials | undefined;
  readonly tls?: NatsTls | undefined;
  /** How the server's lists name us. */
  readonly name: string;
  /** Longest that the first connection may take. */
  readonly connectTimeoutMs: number;
  /** Pause between tries to connect again. */
  readonly reconnectDelayMs: number;
  readonly logger: Logger;
  readonly connected: Gauge;
}

/** The connection was lost before an answer came. */
export class LinkLostError extends Error {
  readonly code = 'NATS_LINK_LOST';
  constructor() {
    super('the connection was lost before an answer came');
    this.name = 'LinkLostError';
  }
}

/** Half of the time after which a silent connection is given up. */
const PING_INTERVAL_MS = 10_000;

/** One connection to NATS that is made anew whenever it breaks, and that tells so. */
export class NatsLink implements AsyncDisposable {
  readonly nc: NatsConnection;
  readonly #options: NatsLinkOptions;
  /** Of the present connection; aborted when it is lost. */
  #life = new AbortController();
  #isConnected = true;
  #isClosed = false;
  readonly #lost = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  private constructor(nc: NatsConnection, options: NatsLinkOptions) {
    this.nc = nc;
    this.#options = options;
    options.connected.set(1);
    void this.#watch();
    void nc.closed().then((error) => {
      this.#close(error);
    });
  }

  /** Rejects with {@link KvBusError} when no server lets us in in time. */
  static async open(options: NatsLinkOptions): Promise<NatsLink> {
    const addresses = options.servers.map(readServer);
    const late = AbortSignal.timeout(options.connectTimeoutMs);
    const connecting = connect(connectionOptions(options, addresses));
    try {
      const nc = await Promise.race([
        connecting,
        new Promise<never>((_resolve, reject) => {
          late.onabort = () => {
            reject(new Error('no answer in time'));
          };
        }),
      ]);
      return new NatsLink(nc, options);
    } catch (error) {
      void connecting.then(
        (nc) => nc.close(),
        () => undefined,
      );
      throw connectProblem(error, addresses.map(({ host }) => host).join(', '));
    }
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Whether there will never be a connection again. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Aborts when the present connection is lost; aborted where there is none. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** Fulfilled when there is a connection, or when it was closed for good. */
  async connected(): Promise<void> {
    while (!this.#isConnected && !this.#isClosed) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** What `answer` says, or a rejection with {@link LinkLostError} as soon as no answer can come any more. */
  whileConnected<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const lost = (): void => {
        this.#lost.delete(lost);
        reject(new LinkLostError());
      };
      if (this.#isConnected) this.#lost.add(lost);
      else lost();
      answer.then(resolve, reject).finally(() => this.#lost.delete(lost));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.nc.close();
    this.#close(undefined);
  }

  async #watch(): Promise<void> {
    const { logger } = this.#options;
    for await (const status of this.nc.status()) {
      if (status.type === 'disconnect') this.#disconnected();
      else if (status.type === 'reconnect') this.#reconnected();
      else if (status.type === 'error')
        logger.warn('NATS reports an error', { error: status.error });
    }
  }

  #disconnected(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#options.connected.set(0);
    if (!this.#isClosed) this.#options.logger.warn('the connection to NATS is lost');
    this.#life.abort();
    for (const lost of [...this.#lost]) lost();
  }

  #reconnected(): void {
    this.#options.logger.info('connected to NATS again', { server: this.nc.getServer() });
    this.#options.connected.set(1);
    this.#life = new AbortController();
    this.#isConnected = true;
    this.#wake();
  }

  #close(error: unknown): void {
    if (!this.#isClosed) this.#options.logger.error('NATS is closed for good', { error });
    this.#isClosed = true;
    this.#disconnected();
    this.#wake();
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

interface ServerAddress {
  readonly host: string;
  readonly isSecure: boolean;
  readonly user: string;
  readonly password: string;
}

function readServer(server: string): ServerAddress {
  const url = URL.parse(server.includes('://') ? server : `nats://${server}`);
  if (url === null || !['nats:', 'tls:'].includes(url.protocol) || url.hostname === '') {
    throw new KvBusError('KV_BUS_UNREACHABLE', `not the address of a NATS server: ${server}`);
  }
  return {
    host: `${url.hostname}:${url.port === '' ? 4222 : url.port}`,
    isSecure: url.protocol === 'tls:',
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function connectionOptions(
  { credentials, tls, name, connectTimeoutMs, reconnectDelayMs }: NatsLinkOptions,
  addresses: readonly ServerAddress[],
): ConnectionOptions {
  const inUrl = addresses.find(({ user }) => user !== '');
  const isSecure = tls !== undefined || addresses.some((address) => address.isSecure);
  return {
    servers: addresses.map(({ host }) => host),
    name,
    timeout: connectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectDelayMs,
    // A server that restarts, or credentials that are being changed, refuse us for a while.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    // They cost a stack trace for each message.
    noAsyncTraces: true,
    ...(isSecure ? { tls: definedOf(tls ?? {}) } : {}),
    ...(credentials === undefined
      ? inUrl && { user: inUrl.user, pass: inUrl.password }
      : authenticationOf(credentials)),
  };
}

const definedOf = (tls: NatsTls): object =>
  Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));

function authenticationOf(credentials: NatsCredentials): ConnectionOptions {
  switch (credentials.kind) {
    case 'password':
      return { user: credentials.user, pass: credentials.password };
    case 'token':
      return { token: credentials.token };
    case 'creds':
      return { authenticator: credsAuthenticator(Buffer.from(credentials.text)) };
    case 'nkey':
      return { authenticator: nkeyAuthenticator(Buffer.from(credentials.seed)) };
  }
}

function connectProblem(error: unknown, hosts: string): KvBusError {
  if (error instanceof KvBusError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
    ? new KvBusError('KV_BUS_UNAUTHORIZED', `NATS at ${hosts} does not let us in: ${reason}`, {
        cause: error,
      })
    : new KvBusError('KV_BUS_UNREACHABLE', `no NATS server at ${hosts}: ${reason}`, {
        cause: error,
      });
}
