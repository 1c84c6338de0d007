// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { fastify, type FastifyInstance } from 'fastify';
import type { SourceReport } from './relay/source-report.ts';

export interface AdminRoutesOptions {
  readonly sources: () => readonly SourceReport[];
  /** Why this relay does not do its work; undefined when it does. */
  readonly notReady: () => string | undefined;
  readonly metrics: PrometheusMetrics;
  readonly logger: Logger;
}

/** What people and monitoring ask. Does not listen yet. */
export function createAdminRoutes(options: AdminRoutesOptions): FastifyInstance {
  const { sources, notReady, metrics, logger } = options;
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => {
    const reason = notReady();
    if (reason === undefined) return { status: 'ready' };
    return reply.status(503).header('retry-after', '1').send({ status: 'not ready', reason });
  });
  app.get('/metrics', async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.expose()),
  );
  app.get('/debug/sources', () => ({ sources: sources() }));
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.status(404).send({ error: `nothing is served at ${method} ${url}` }),
  );
  app.setErrorHandler((error, _, reply) => {
    logger.error('an admin route failed', { error });
    return reply.status(500).send({ error: 'the relay failed to answer' });
  });
  return app;
}
