// SPDX-License-Identifier: Apache-2.0
import {
  explainRecord,
  summarizeRecord,
  type DecisionLog,
  type EndpointDescription,
} from '@llm-d/endpoint-picker';
import { apiError, apiErrorBody, type ModelList } from '@llm-d/inference-api';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { fastify, type FastifyInstance } from 'fastify';

export interface ControlRoutesOptions {
  readonly metrics: PrometheusMetrics;
  readonly decisions: DecisionLog;
  /** Why no request could be routed now; undefined when one could. */
  readonly notReady: () => string | undefined;
  readonly models: () => Promise<ModelList>;
  /** The model servers as the gateway sees them. */
  readonly endpoints: () => readonly EndpointDescription[];
}

/** Decisions that a listing shows unless asked for more. */
const LISTED = 50;

/**
 * Everything the gateway serves itself: health, metrics, the merged list of models, and decisions. The returned instance
 * handles requests through its `routing`; it does not listen.
 */
export async function createControlRoutes(options: ControlRoutesOptions): Promise<FastifyInstance> {
  const app = fastify({ logger: false });

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => {
    const reason = options.notReady();
    if (reason === undefined) return { status: 'ready' };
    return reply.status(503).header('retry-after', '1').send({ status: 'not ready', reason });
  });
  app.get('/metrics', async (_, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.expose()),
  );
  app.get('/v1/models', () => options.models());
  app.get<{ Params: { id: string } }>('/v1/models/:id', async ({ params }, reply) => {
    const model = (await options.models()).data.find(({ id }) => id === params.id);
    if (model !== undefined) return model;
    return reply
      .status(404)
      .type('application/json')
      .send(
        apiErrorBody(
          apiError('model_not_found', `the model \`${params.id}\` does not exist`, 'model'),
        ),
      );
  });
  app.get<{ Querystring: { limit?: string } }>('/debug/decisions', ({ query }) => ({
    decisions: options.decisions.recent(Number(query.limit) || LISTED).map(summarizeRecord),
  }));
  app.get('/debug/endpoints', () => ({ endpoints: options.endpoints() }));
  app.get<{ Params: { id: string } }>('/debug/decisions/:id', ({ params }, reply) => {
    const records = options.decisions.find(params.id);
    if (records.length > 0) return { requestId: params.id, attempts: records.map(explainRecord) };
    return reply
      .status(404)
      .send({ error: `no decision about request ${params.id} is remembered` });
  });
  app.setNotFoundHandler((request, reply) =>
    reply
      .status(404)
      .type('application/json')
      .send(
        apiErrorBody(
          apiError('not_found', `nothing is served at ${request.method} ${request.url}`),
        ),
      ),
  );
  await app.ready();
  return app;
}
