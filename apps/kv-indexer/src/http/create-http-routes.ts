// SPDX-License-Identifier: Apache-2.0
import type { MemoryKvBlockIndex } from '@llm-d/kv-index';
import type { Logger } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { fastify, type FastifyError, type FastifyInstance } from 'fastify';
import type { IndexerApi } from '../queries/indexer-api.ts';
import { NoTokensError, NotReadyError, RequestError } from '../queries/request-error.ts';
import type { CacheMap } from './cache-map.ts';
import { dumpBlocks } from './dump.ts';
import { addQueryRoutes, goneSignal } from './query-routes.ts';

export interface HttpRoutesOptions {
  readonly api: IndexerApi;
  readonly map: CacheMap;
  readonly index: Pick<MemoryKvBlockIndex, 'rows'>;
  /** What is worth knowing of this replica. */
  readonly status: () => object;
  /** Why this replica wants no questions; undefined when it does. */
  readonly notReady: () => string | undefined;
  /** Whether it may become ready without being started again. */
  readonly isAlive: () => boolean;
  readonly metrics: Pick<PrometheusMetrics, 'contentType' | 'expose'>;
  readonly logger: Logger;
  readonly maxBodyBytes: number;
}

/** Blocks of a dump unless asked for more, and the most that may be asked for. */
const DUMPED = 10_000;
const MOST_DUMPED = 10_000_000;

/** Everything that is served over HTTP. Does not listen yet. */
export function createHttpRoutes(options: HttpRoutesOptions): FastifyInstance {
  const { api, map, index, metrics, logger } = options;
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    bodyLimit: options.maxBodyBytes,
  });
  addQueryRoutes(app, api);
  app.get('/workers', () => map.workers());
  app.get('/blocks', () => map.blocks());
  app.get<{ Querystring: { pod?: string; limit?: string } }>('/dump', ({ query }, reply) => {
    const limit = readLimit(query.limit);
    const dump = dumpBlocks(index, { pod: query.pod, limit, signal: goneSignal(reply) });
    return reply.type('application/x-ndjson').send(dump);
  });
  app.get('/debug/sources', () => map.sources());
  app.get('/debug/status', () => options.status());
  app.get('/healthz', (_, reply) =>
    options.isAlive() ? { status: 'ok' } : reply.status(503).send({ status: 'failed' }),
  );
  app.get('/readyz', (_, reply) => {
    const reason = options.notReady();
    if (reason === undefined) return { status: 'ready' };
    return reply.status(503).header('retry-after', '1').send({ status: 'not ready', reason });
  });
  app.get('/metrics', async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.expose()),
  );
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.status(404).send({ error: `nothing is served at ${method} ${url}` }),
  );
  app.setErrorHandler((error: FastifyError, _, reply) => {
    const { status, message } = answerTo(error);
    if (status === 500) logger.error('a route failed', { error });
    if (status === 503) reply.header('retry-after', '1');
    return reply.status(status).send({ error: message });
  });
  return app;
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return DUMPED;
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MOST_DUMPED) return limit;
  throw new RequestError('limit', `expected a whole number from 1 to ${MOST_DUMPED}`);
}

function answerTo(error: FastifyError): { readonly status: number; readonly message: string } {
  if (error instanceof RequestError) return { status: 400, message: error.message };
  if (error instanceof NotReadyError) return { status: 503, message: error.message };
  if (error instanceof NoTokensError) {
    const status = { 'not-configured': 501, refused: 400, unavailable: 502 }[error.reason];
    return { status, message: error.message };
  }
  // What fastify says of a body that it cannot read.
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return { status: error.statusCode, message: `body: ${error.message}` };
  }
  return { status: 500, message: 'the indexer failed to answer' };
}
