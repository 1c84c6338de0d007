// SPDX-License-Identifier: Apache-2.0
import { Agent, request as send } from 'undici';
import type { KubeConnection } from '../connection/connection.ts';
import type { KubeRequest, KubeResponse, KubeTransport } from './transport.ts';

export interface HttpTransportOptions {
  /** Time for a connection to open. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How long an idle connection is kept. Default 60,000. */
  readonly keepAliveMs?: number;
  /** Default `llm-d`. */
  readonly userAgent?: string;
}

/** HTTP over one pool of kept connections; a watch has one of its own while it lasts. */
export function createHttpTransport(
  connection: KubeConnection,
  options: HttpTransportOptions = {},
): KubeTransport {
  const { server, tls, credentials } = connection;
  const agent = new Agent({
    keepAliveTimeout: options.keepAliveMs ?? 60_000,
    // The caller's signal is the deadline; a watch may be silent for minutes.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: options.connectTimeoutMs ?? 10_000, ...tls },
  });
  const once = async (request: KubeRequest): Promise<KubeResponse> => {
    const { method, path, body, signal } = request;
    const contentType =
      body === undefined ? undefined : (request.contentType ?? 'application/json');
    const response = await send(server + path, {
      dispatcher: agent,
      method,
      body: body ?? null,
      signal,
      headers: {
        ...(await credentials.headers()),
        accept: 'application/json',
        'user-agent': options.userAgent ?? 'llm-d',
        ...(contentType !== undefined && { 'content-type': contentType }),
      },
    });
    const retryAfter = response.headers['retry-after'];
    return {
      status: response.statusCode,
      retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      body: response.body,
    };
  };
  return {
    send: async (request) => {
      const response = await once(request);
      if (response.status !== 401 || !(await credentials.renew())) return response;
      await drain(response);
      return once(request);
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function drain({ body }: KubeResponse): Promise<void> {
  const chunks = body[Symbol.asyncIterator]();
  while ((await chunks.next()).done !== true);
}
