// SPDX-License-Identifier: Apache-2.0
import { formatHostPort, type EndpointIdentity } from '@llm-d/scheduler-core';
import { Client, type Dispatcher } from 'undici';
import { ScrapeError, type MetricsTransport } from './metrics-transport.ts';

export interface HttpMetricsTransportOptions {
  /** Default `http`. */
  readonly scheme?: 'http' | 'https';
  /** Default `/metrics`. */
  readonly path?: string;
  /** Port, where it is not the endpoint's own. */
  readonly port?: number;
  /** Default true: engines inside a cluster have certificates of their own making. Only for `https`. */
  readonly insecureSkipVerify?: boolean;
  /** Largest exposition that is read. Default 8 MiB. */
  readonly maxBytes?: number;
  /** Time for the connection to open. Default 1000. */
  readonly connectTimeoutMs?: number;
}

/** Scrapes over one kept-alive connection for each endpoint. */
export function createHttpMetricsTransport(
  options: HttpMetricsTransportOptions = {},
): MetricsTransport {
  const path = options.path ?? '/metrics';
  const maxBytes = options.maxBytes ?? 8 * 1024 * 1024;
  const clients = new Map<string, Client>();
  const assembly = new Assembly();
  const originOf = (endpoint: EndpointIdentity): string =>
    `${options.scheme ?? 'http'}://${formatHostPort(endpoint.address, options.port ?? endpoint.port)}`;
  const clientOf = (origin: string): Client => {
    let client = clients.get(origin);
    if (client === undefined) {
      client = new Client(origin, {
        keepAliveTimeout: 60_000,
        // The caller's signal is the deadline.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: {
          timeout: options.connectTimeoutMs ?? 1000,
          rejectUnauthorized: options.insecureSkipVerify === false,
        },
      });
      clients.set(origin, client);
    }
    return client;
  };

  return {
    get: (endpoint, signal, query = '') => {
      const origin = originOf(endpoint);
      const asked = query === '' ? path : withQuery(path, query);
      return collect(clientOf(origin), {
        url: origin + path,
        path: asked,
        maxBytes,
        signal,
        assembly,
      });
    },
    forget: (endpoint) => {
      const origin = originOf(endpoint);
      void clients.get(origin)?.destroy();
      clients.delete(origin);
    },
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.destroy()));
      clients.clear();
    },
  };
}

/** The configured path may have a query of its own. */
const withQuery = (path: string, query: string): string =>
  path.includes('?') ? `${path}&${query.slice(1)}` : path + query;

/**
 * Puts chunks together in memory that is used again and again: a fresh 77 KB for each of some thousand scrapes a second
 * would keep the garbage collector busy.
 */
class Assembly {
  #bytes = Buffer.alloc(0);

  /** The chunks as one, valid until the next call. */
  join(chunks: readonly Buffer[], length: number): Buffer {
    const [only] = chunks;
    if (only !== undefined && chunks.length === 1) return only;
    if (this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(2 * length);
    let at = 0;
    for (const chunk of chunks) at += chunk.copy(this.#bytes, at);
    return this.#bytes.subarray(0, length);
  }
}

interface Collection {
  readonly url: string;
  readonly path: string;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly assembly: Assembly;
}

/** One GET as undici's bare events: its `request` costs three times as much, and this runs 20 times a second for each endpoint. */
function collect(client: Client, collection: Collection): Promise<Buffer> {
  const { url, path, maxBytes, signal, assembly } = collection;
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let controller: Dispatcher.DispatchController | undefined;
    const abort = () => controller?.abort(new ScrapeError('timeout', url));
    const settle = <T>(end: (value: T) => void, value: T) => {
      signal.removeEventListener('abort', abort);
      end(value);
    };
    signal.addEventListener('abort', abort, { once: true });
    client.dispatch(
      { path, method: 'GET' },
      {
        onRequestStart: (started) => {
          controller = started;
          if (signal.aborted) abort();
        },
        onResponseStart: (started, status) => {
          if (status === 200) return;
          started.abort(new ScrapeError('bad-status', url, { detail: `status ${status}` }));
        },
        onResponseData: (started, chunk) => {
          bytes += chunk.length;
          if (bytes > maxBytes) {
            started.abort(
              new ScrapeError('too-large', url, { detail: `more than ${maxBytes} bytes` }),
            );
          } else {
            chunks.push(chunk);
          }
        },
        onResponseEnd: () => {
          settle(resolve, assembly.join(chunks, bytes));
        },
        onResponseError: (_, error) => {
          settle(
            reject,
            error instanceof ScrapeError
              ? error
              : new ScrapeError('unreachable', url, { cause: error, detail: error.message }),
          );
        },
      },
    );
  });
}
