// SPDX-License-Identifier: Apache-2.0
import {
  configStateYaml,
  describeFlowControl,
  explainRecord,
  summarizeRecord,
  type ConfigState,
  type DecisionLog,
  type EndpointDescription,
  type FlowSnapshot,
  type PluginStateReport,
} from '@llm-d/endpoint-picker';
import { apiError, apiErrorBody, type ApiError, type ModelList } from '@llm-d/inference-api';
import type { Logger } from '@llm-d/telemetry';
import type { PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify';
import { isPlacedPath } from './placed-paths.ts';

export interface ControlRoutesOptions {
  readonly metrics: PrometheusMetrics;
  readonly logger: Logger;
  readonly decisions: DecisionLog;
  /** Why no request could be routed now; undefined when one could. */
  readonly notReady: () => string | undefined;
  readonly models: () => Promise<ModelList>;
  /** The model servers as the gateway sees them. */
  readonly endpoints: () => readonly EndpointDescription[];
  /** The configuration in force. */
  readonly configState: () => ConfigState;
  /** What waits; undefined without flow control. */
  readonly flowControl: () => FlowSnapshot | undefined;
  /** What plugins are doing. */
  readonly pluginStates: () => PluginStateReport;
}

/** Decisions that a listing shows unless asked for more. */
const LISTED = 50;

/**
 * Everything the gateway serves itself: health, metrics, the merged list of models, and decisions. The returned instance
 * handles requests through its `routing`; it does not listen.
 */
export async function createControlRoutes(options: ControlRoutesOptions): Promise<FastifyInstance> {
  const app = fastify({
    logger: false,
    frameworkErrors: (error, _, reply) => {
      void sendError(reply, apiError('invalid_value', error.message));
    },
  });
  // No route reads a body.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_, payload, done) => {
    payload.resume();
    done(null);
  });

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
  // A wildcard, because names of models have slashes.
  app.get<{ Params: { '*': string } }>('/v1/models/*', async ({ params }, reply) => {
    const id = params['*'];
    const model = (await options.models()).data.find((candidate) => candidate.id === id);
    if (model !== undefined) return model;
    return sendError(
      reply,
      apiError('model_not_found', `the model \`${id}\` does not exist`, 'model'),
    );
  });
  app.get<{ Querystring: { limit?: string } }>('/debug/decisions', ({ query }) => ({
    decisions: options.decisions.recent(Number(query.limit) || LISTED).map(summarizeRecord),
  }));
  app.get('/debug/endpoints', () => ({ endpoints: options.endpoints() }));
  app.get<{ Querystring: { format?: string } }>('/debug/config', ({ query }, reply) =>
    query.format === 'yaml'
      ? reply.type('application/yaml').send(configStateYaml(options.configState()))
      : options.configState(),
  );
  app.get('/debug/flow-control', (_, reply) => {
    const snapshot = options.flowControl();
    if (snapshot !== undefined) return describeFlowControl(snapshot);
    return sendError(reply, apiError('not_found', 'the feature gate flowControl is closed'));
  });
  app.get('/debug/plugins/state', () => options.pluginStates());
  // A wildcard here too: clients choose ids, and a parameter has at most 100 characters.
  app.get<{ Params: { '*': string } }>('/debug/decisions/*', ({ params }, reply) => {
    const requestId = params['*'];
    const records = options.decisions.find(requestId);
    if (records.length > 0) return { requestId, attempts: records.map(explainRecord) };
    return sendError(
      reply,
      apiError('not_found', `no decision about request ${requestId} is remembered`),
    );
  });
  app.setNotFoundHandler(({ method, url }, reply) =>
    isPlacedPath(url)
      ? sendError(
          reply.header('allow', 'POST'),
          apiError('method_not_allowed', `${url} is for POST, not for ${method}`),
        )
      : sendError(reply, apiError('not_found', `nothing is served at ${method} ${url}`)),
  );
  app.setErrorHandler((error, _, reply) => {
    options.logger.error('a control route failed', { error });
    return sendError(reply, apiError('internal_error', 'the gateway failed to answer'));
  });
  await app.ready();
  return app;
}

const sendError = (reply: FastifyReply, error: ApiError): FastifyReply =>
  reply.status(error.status).type('application/json').send(apiErrorBody(error));
