// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  configStateYaml,
  describeFlowControl,
  describeFleet,
  explainRecord,
  pluginStateReport,
  summarizeRecord,
  type ConfigRecord,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import type { Logger } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Condition } from '../kubernetes/conditions.ts';
import type { ScrapeAccess } from '../kubernetes/scrape-access.ts';
import { adminServerFactory, type AdminTls } from './admin-tls.ts';

export interface AdminOptions {
  readonly running: RunningPicker;
  readonly record: ConfigRecord;
  readonly metrics: PrometheusMetrics;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Why this process wants no requests; undefined when it does. */
  readonly notReady: () => string | undefined;
  /** How that is which this process depends on. */
  readonly conditions: () => readonly Condition[];
  /** Who may see all this; probes are for everybody. Default everybody. */
  readonly mayScrape?: ScrapeAccess | undefined;
  /** Default plaintext. */
  readonly tls?: AdminTls | undefined;
}

/** Decisions that a listing shows unless asked for more. */
const LISTED = 50;

/** What people and monitoring ask: metrics, probes, decisions, the fleet. Does not listen yet. */
export function createAdminRoutes(options: AdminOptions): FastifyInstance {
  const { running, metrics, logger, clock, mayScrape } = options;
  const { decisions } = running.picker;
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    serverFactory: adminServerFactory(options.tls),
  });
  if (mayScrape !== undefined) app.addHook('onRequest', guard(mayScrape));

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', (_, reply) => {
    const reason = options.notReady();
    if (reason === undefined) return { status: 'ready' };
    return reply.status(503).header('retry-after', '1').send({ status: 'not ready', reason });
  });
  app.get('/metrics', async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.expose()),
  );
  app.get<{ Querystring: { limit?: string } }>('/debug/decisions', ({ query }) => ({
    decisions: decisions.recent(Number(query.limit) || LISTED).map(summarizeRecord),
  }));
  // A wildcard: clients choose ids, and a parameter has at most 100 characters.
  app.get<{ Params: { '*': string } }>('/debug/decisions/*', ({ params }, reply) => {
    const requestId = params['*'];
    const records = decisions.find(requestId);
    if (records.length > 0) return { requestId, attempts: records.map(explainRecord) };
    const error = `no decision about request ${requestId} is remembered`;
    return reply.status(404).send({ error });
  });
  app.get('/debug/endpoints', () => ({
    endpoints: describeFleet(running.fleet, clock.nowMs()),
  }));
  app.get<{ Querystring: { format?: string } }>('/debug/config', ({ query }, reply) =>
    query.format === 'yaml'
      ? reply.type('application/yaml').send(configStateYaml(options.record.state()))
      : options.record.state(),
  );
  app.get('/debug/flow-control', (_, reply) => {
    const flowControl = running.picker.flowControl?.snapshot();
    if (flowControl !== undefined) return describeFlowControl(flowControl);
    return reply.status(404).send({ error: 'the feature gate flowControl is closed' });
  });
  app.get('/debug/conditions', () => ({ conditions: options.conditions() }));
  app.get('/debug/plugins/state', () => pluginStateReport(running, clock.epochMs()));
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.status(404).send({ error: `nothing is served at ${method} ${url}` }),
  );
  app.setErrorHandler((error, _, reply) => {
    logger.error('an admin route failed', { error });
    return reply.status(500).send({ error: 'the endpoint picker failed to answer' });
  });
  return app;
}

/** What kubelets ask, who have no token. */
const PROBES: ReadonlySet<string | undefined> = new Set(['/healthz', '/readyz']);

/** Refuses whoever may not see what is asked for. */
const guard =
  (mayScrape: ScrapeAccess) =>
  async ({ routeOptions, headers }: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (PROBES.has(routeOptions.url)) return undefined;
    const verdict = await mayScrape(headers.authorization);
    if (verdict.allowed) return undefined;
    if (verdict.status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.status(verdict.status).send({ error: verdict.reason });
  };
