// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom } from '@llm-d/determinism';
import {
  buildInfo,
  clientLabelLimits,
  createFleet,
  createPickerRegistry,
  describeFleet,
  endpointPickerMetrics,
  pluginStateReport,
  startEndpointPicker,
  startFileDiscovery,
  type LatencyPredictorSettings,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import { createLiveKvSources } from '@llm-d/endpoint-picker/kv-sources';
import { ConfigError, formatHostPort, type Endpoint } from '@llm-d/scheduler-core';
import { noopTracer, type Logger, type TracingSettings } from '@llm-d/telemetry';
import { startTracing } from '@llm-d/telemetry/otlp';
import { createPrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { randomUUID } from 'node:crypto';
import { followConfiguration, readConfiguration } from './configuration.ts';
import { createControlRoutes } from './front/control-routes.ts';
import { listen, type FrontRequest, type FrontResponse } from './front/listener.ts';
import { isPlacedPath } from './front/placed-paths.ts';
import { atLabelledPorts } from './labelled-kv-ports.ts';
import { startModelCatalog, type ModelCatalog } from './models/model-catalog.ts';
import type { GatewayOptions } from './options.ts';
import { rejectionOf } from './proxy/error-answer.ts';
import { createInferenceProxy } from './proxy/inference-proxy.ts';
import { createUpstream, type Upstream } from './proxy/upstream.ts';
import { startTokenizer } from './start-tokenizer.ts';

/** What a gateway is told besides its command line. */
export interface GatewaySetting {
  /** Where traces go. Default none are made. */
  readonly tracing?: TracingSettings | undefined;
  /** Where the latency predictor is. Default two sidecars on this host. */
  readonly latencyPredictor?: LatencyPredictorSettings;
  /** Which build this is. Default unknown. */
  readonly build?: { readonly version: string; readonly commit: string };
}

const UNKNOWN_BUILD = { version: 'unknown', commit: 'unknown' };

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

/** How old the newest metrics of a server may be for it to count as reachable. */
const FRESH_MS = 10_000;

/**
 * Starts a gateway. Rejects with ConfigError, ConfigFileError, EndpointsFileError, PortInUseError or ListenError, each saying what
 * to change; nothing is left running then.
 */
export async function startGateway(
  options: GatewayOptions,
  logger: Logger,
  { tracing: settings, build = UNKNOWN_BUILD, latencyPredictor }: GatewaySetting = {},
): Promise<Gateway> {
  const clock = systemClock;
  const metrics = createPrometheusMetrics({
    processMetrics: true,
    definitions: endpointPickerMetrics,
    legacyNames: options.legacyMetrics,
    labelLimits: clientLabelLimits,
  });
  metrics.gauge(buildInfo, { commit: build.commit, build_ref: build.version }).set(1);
  const tracing =
    settings &&
    (await startTracing({ settings, logger, timers: clock, serviceVersion: build.version }));
  const telemetry = { logger, metrics, tracer: tracing?.tracer ?? noopTracer };
  const fleet = createFleet();
  const registry = createPickerRegistry([], {
    startTokenizer,
    kvEvents: atLabelledPorts(
      createLiveKvSources(),
      (pod) => fleet.snapshot().find(({ hostPort }) => hostPort === pod)?.labels,
    ),
    ...(latencyPredictor && { latencyPredictor: { settings: latencyPredictor } }),
  });
  const configuration = await readConfiguration(options, registry);
  const { config } = configuration;
  for (const warning of config.warnings) logger.warn('configuration warning', { ...warning });

  // Traces are closed last: until then requests end, and with them their spans.
  const cleanUps: (() => void | Promise<void>)[] = [() => tracing?.close()];
  const cleanUp = async (): Promise<void> => {
    for (const step of cleanUps.reverse()) await step();
  };
  try {
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
    const following = followConfiguration(options, { configuration, running, clock, telemetry });
    cleanUps.push(() => {
      following.stop();
    });
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
      flowControl: () => running.picker.flowControl?.snapshot(),
      configState: () => following.record.state(),
      pluginStates: () => pluginStateReport(running, clock.epochMs()),
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
    'LATENCY_PREDICTOR_SETTINGS',
    'LISTEN',
  ];
  return known.includes(String(code)) ? (error as Error).message : undefined;
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
