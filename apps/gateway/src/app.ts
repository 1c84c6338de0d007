// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom } from '@llm-d/determinism';
import {
  createFleet,
  createPickerRegistry,
  describeFleet,
  endpointPickerMetrics,
  startEndpointPicker,
  startFileDiscovery,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import { ConfigError, formatHostPort, loadConfig, type Endpoint } from '@llm-d/scheduler-core';
import { noopTracer, type Logger } from '@llm-d/telemetry';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createControlRoutes } from './front/control-routes.ts';
import { listen, type FrontRequest, type FrontResponse } from './front/listener.ts';
import { isPlacedPath } from './front/placed-paths.ts';
import { startModelCatalog, type ModelCatalog } from './models/model-catalog.ts';
import type { GatewayOptions } from './options.ts';
import { rejectionOf } from './proxy/error-answer.ts';
import { createInferenceProxy } from './proxy/inference-proxy.ts';
import { createUpstream, type Upstream } from './proxy/upstream.ts';

/** A gateway that takes requests. */
export interface Gateway {
  readonly url: string;
  readonly port: number;
  /** Requests being handled. */
  readonly inFlight: () => number;
  /**
   * Stops taking connections, lets requests finish for as long as the options say, then cuts what is left. Resolves when
   * nothing is open.
   */
  close(): Promise<void>;
}

/** A configuration file that cannot be read. */
export class ConfigFileError extends Error {
  readonly code = 'CONFIG_FILE';
  readonly path: string;
  constructor(path: string, cause: unknown) {
    super(`${path}: cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
    this.name = 'ConfigFileError';
    this.path = path;
  }
}

/** How old the newest metrics of a server may be for it to count as reachable. */
const FRESH_MS = 10_000;

/**
 * Starts a gateway. Rejects with ConfigError, ConfigFileError, EndpointsFileError, PortInUseError or ListenError, each saying what
 * to change; nothing is left running then.
 */
export async function startGateway(options: GatewayOptions, logger: Logger): Promise<Gateway> {
  const clock = systemClock;
  const metrics = createPrometheusMetrics({
    processMetrics: true,
    definitions: endpointPickerMetrics,
  });
  const telemetry = { logger, metrics, tracer: noopTracer };
  const registry = createPickerRegistry();
  const config = loadConfig(options.configText ?? (await readConfig(options.configFile)), {
    registry,
    source: options.configFile ?? 'built-in configuration',
    allowExperimental: options.allowExperimentalPlugins,
  });
  for (const warning of config.warnings) logger.warn('configuration warning', { ...warning });

  const cleanUps: (() => void | Promise<void>)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const step of cleanUps.reverse()) await step();
  };
  try {
    const fleet = createFleet();
    const upstream = createUpstream(options);
    const unlisten = fleet.listen({
      endpointRemoved: (endpoint) => {
        upstream.forget(endpoint);
      },
    });
    cleanUps.push(() => upstream.destroy(), unlisten);
    const running = await startEndpointPicker({
      config,
      registry,
      clock,
      random: systemRandom,
      fleet,
      telemetry,
      scrapeIntervalMs: options.scrapeIntervalMs,
      poolName: 'gateway',
      decisionLogCapacity: options.decisionLogCapacity,
    });
    cleanUps.push(() => running.close());
    if (options.endpointsFile !== undefined) {
      const discovery = await startFileDiscovery({
        fleet,
        path: options.endpointsFile,
        clock,
        logger,
      });
      cleanUps.push(() => {
        discovery.stop();
      });
    } else if (options.endpoints.length > 0) {
      fleet.reconcile(options.endpoints);
    }
    const catalog = startModelCatalog({
      fleet,
      clock,
      logger,
      fetchModels: (endpoint, signal) => fetchModels(upstream, endpoint, signal),
    });
    cleanUps.push(() => {
      catalog.stop();
    });
    const proxy = createInferenceProxy({
      picker: running.picker,
      catalog,
      upstream,
      clock,
      logger,
      newId: randomUUID,
      ...options,
    });
    const control = await createControlRoutes({
      metrics,
      logger,
      decisions: running.picker.decisions,
      endpoints: () => describeFleet(fleet, clock.nowMs()),
      notReady: () => notReady(running, { catalog, nowMs: clock.nowMs() }),
      models: async () => {
        if (!catalog.known) await catalog.refresh();
        return catalog.merged();
      },
    });
    cleanUps.push(() => control.close());
    // Fastify's handler takes both kinds of request; its type names one.
    const routeControl = control.routing.bind(control) as (
      request: FrontRequest,
      response: FrontResponse,
    ) => void;
    const listener = await listen({
      host: options.host,
      port: options.port,
      maxHeaderBytes: options.maxHeaderBytes,
      handle: (request, response) => {
        const placed = request.method === 'POST' && isPlacedPath(request.url ?? '/');
        if (placed) proxy.handle(request, response);
        else routeControl(request, response);
      },
      rejectHttp1: rejectionOf,
    });

    return {
      url: `http://${formatHostPort(options.host, listener.port)}`,
      port: listener.port,
      inFlight: () => proxy.inFlight,
      close: async () => {
        const drained = listener.drain();
        const cut = clock.schedule(options.drainTimeoutMs, () => {
          listener.destroy();
        });
        await drained;
        cut.cancel();
        listener.destroy();
        await cleanUp();
      },
    };
  } catch (error) {
    await cleanUp();
    throw error;
  }
}

/** What an operator should read about a failed start; undefined for errors that are bugs. */
export function startError(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.message;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const known = [
    'CONFIG_FILE',
    'INVALID_ENDPOINTS_FILE',
    'PORT_IN_USE',
    'INVALID_METRIC_SPEC',
    'UNKNOWN_ENGINE',
    'LISTEN',
  ];
  return known.includes(String(code)) ? (error as Error).message : undefined;
}

async function readConfig(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigFileError(path, error);
  }
}

async function fetchModels(
  upstream: Upstream,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<unknown> {
  const { statusCode, body } = await upstream
    .poolOf(endpoint)
    .request({ method: 'GET', path: '/v1/models', signal });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`/v1/models answered ${statusCode}`);
  return JSON.parse(text);
}

interface Readiness {
  readonly catalog: ModelCatalog;
  readonly nowMs: number;
}

function notReady({ fleet }: RunningPicker, { catalog, nowMs }: Readiness): string | undefined {
  if (fleet.snapshot().length === 0) return 'no model server is known';
  const healthy = fleet.healthy(nowMs);
  if (healthy.length === 0) return 'no model server can be reached';
  const heard = healthy.some(
    ({ metrics }) => nowMs - (metrics.updatedAtMs ?? -Infinity) < FRESH_MS,
  );
  return heard || catalog.known ? undefined : 'no model server has answered yet';
}
