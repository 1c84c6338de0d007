// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom, type Clock } from '@llm-d/determinism';
import {
  buildInfo,
  clientLabelLimits,
  createPickerRegistry,
  createRequestPolicies,
  endpointPickerMetrics,
  startEndpointPicker,
  type ConfigRecord,
  type RequestPolicyHolder,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import { createLiveKvSources } from '@llm-d/endpoint-picker/kv-sources';
import { connectCluster } from '@llm-d/kube-runtime';
import { noopTracer, type Logger, type Telemetry } from '@llm-d/telemetry';
import { startTracing } from '@llm-d/telemetry/otlp';
import { createPrometheusMetrics, type PrometheusMetrics } from '@llm-d/telemetry/prometheus';
import { randomUUID } from 'node:crypto';
import { serveAdmin } from './admin/serve-admin.ts';
import {
  followConfiguration,
  poolRestartReason,
  readConfiguration,
  type Configuration,
} from './configuration.ts';
import { parserTypes, startProcessor } from './ext-proc/start-processor.ts';
import { streamMetricDefinitions } from './ext-proc/stream-metrics.ts';
import { startKubernetes, type Kubernetes } from './kubernetes/start-kubernetes.ts';
import type { EppOptions } from './options.ts';
import { drainWindow } from './serving/drain-window.ts';
import { createReadiness } from './serving/readiness.ts';
import { serveExtProc } from './serving/serve-ext-proc.ts';
import { serveHealthPort } from './serving/serve-health-port.ts';
import { startTokenizer } from './start-tokenizer.ts';

/** What the parts of this program share. */
export interface EppParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PrometheusMetrics;
  readonly telemetry: Telemetry;
}

/** Which build this is. */
export interface Build {
  readonly version: string;
  readonly commit: string;
}

/** An endpoint picker that serves. */
export interface Epp {
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly adminPort: number;
  /** ext_proc streams that are open. */
  readonly streams: number;
  /** What decides about requests besides the configuration. */
  readonly policies: RequestPolicyHolder;
  readonly running: RunningPicker;
  /** Which configuration is in force. */
  readonly record: ConfigRecord;
  /**
   * Says that it wants no more requests, serves them for as long as the options say, then ends what is left. Resolves
   * when nothing is open. Calling it again ends the waiting.
   */
  close(): Promise<void>;
}

/** Open streams may end by themselves for this long once no new ones are taken. */
const LAST_CALL_MS = 1000;

const UNKNOWN_BUILD: Build = { version: 'unknown', commit: 'unknown' };

/**
 * Starts an endpoint picker. Rejects with an error that `startError` knows where somebody must change something first;
 * nothing is left running then.
 */
export async function startEpp(
  options: EppOptions,
  logger: Logger,
  build: Build = UNKNOWN_BUILD,
): Promise<Epp> {
  for (const note of options.notes) logger.warn(note);
  await using started = new AsyncDisposableStack();
  const parts = await createParts(options, { logger, build, started });
  const { running, configuration } = await startPicker(options, parts);
  started.defer(() => running.close());
  const following = followConfiguration(options, { ...parts, configuration, running });
  started.defer(() => {
    following.stop();
  });

  const policies = createRequestPolicies();
  const kubernetes = await joinCluster(options, { ...parts, running, policies, started });
  const processor = startProcessor(options, { ...parts, running, policies });
  const readiness = createReadiness(kubernetes);
  const extProc = await serveExtProc(options, { ...parts, processor, readiness });
  started.defer(() => extProc.close());
  const health = await serveHealthPort(options, { ...parts, readiness });
  started.defer(() => health.close());
  const { record } = following;
  const admin = await serveAdmin(options, { ...parts, running, record, readiness, kubernetes });
  started.defer(() => admin.close());

  const all = started.move();
  const window = drainWindow(parts.clock);
  const drain = async (): Promise<void> => {
    readiness.drain();
    // Another replica may take over at once; this one serves whoever is still there.
    const resigned = kubernetes?.resign();
    await window.wait(options.drainTimeoutMs, () => extProc.isAlone());
    processor.shutDown();
    await resigned;
    await extProc.drain(LAST_CALL_MS);
    await all.disposeAsync();
  };
  let draining: Promise<void> | undefined;
  return {
    grpcPort: extProc.port,
    healthPort: health.port,
    adminPort: admin.port,
    policies,
    running,
    record,
    get streams() {
      return processor.streams;
    },
    close: () => {
      if (draining !== undefined) window.end();
      return (draining ??= drain());
    },
  };
}

interface Foundation {
  readonly logger: Logger;
  readonly build: Build;
  /** Takes what must be closed in the end. */
  readonly started: AsyncDisposableStack;
}

async function createParts(
  { measuresStreams, legacyMetrics, tracing: settings }: EppOptions,
  { logger, build, started }: Foundation,
): Promise<EppParts> {
  const clock = systemClock;
  const metrics = createPrometheusMetrics({
    processMetrics: true,
    definitions: [...endpointPickerMetrics, ...(measuresStreams ? streamMetricDefinitions : [])],
    legacyNames: legacyMetrics,
    labelLimits: clientLabelLimits,
  });
  metrics.gauge(buildInfo, { commit: build.commit, build_ref: build.version }).set(1);
  const tracing =
    settings &&
    (await startTracing({ settings, logger, timers: clock, serviceVersion: build.version }));
  // Closed last: until then requests end, and with them their spans.
  if (tracing !== undefined) started.defer(() => tracing.close());
  const tracer = tracing?.tracer ?? noopTracer;
  return { clock, logger, metrics, telemetry: { logger, metrics, tracer } };
}

async function startPicker(
  options: EppOptions,
  { clock, logger, telemetry }: EppParts,
): Promise<{ readonly running: RunningPicker; readonly configuration: Configuration }> {
  const registry = createPickerRegistry([], {
    startTokenizer,
    kvEvents: createLiveKvSources(),
    latencyPredictor: { settings: options.latencyPredictor },
  });
  const configuration = await readConfiguration(options, registry);
  const { config } = configuration;
  for (const warning of config.warnings) logger.warn('configuration warning', { ...warning });
  const running = await startEndpointPicker({
    config,
    registry,
    clock,
    telemetry,
    random: systemRandom,
    scrapeIntervalMs: options.scrapeIntervalMs,
    poolGaugesIntervalMs: options.poolGaugesIntervalMs,
    decisionLogCapacity: options.decisionLogCapacity,
    ...(options.kubernetes !== undefined && {
      poolName: options.kubernetes.poolName,
      restartReason: poolRestartReason,
    }),
  });
  return { running, configuration };
}

interface JoiningParts extends EppParts {
  readonly running: RunningPicker;
  readonly policies: RequestPolicyHolder;
  /** Takes what must be closed in the end. */
  readonly started: AsyncDisposableStack;
}

/** Begins to follow the cluster that options name; nothing where they name none. Rejects with KubeConfigError. */
async function joinCluster(
  { kubernetes: options }: EppOptions,
  { clock, telemetry, running, policies, started }: JoiningParts,
): Promise<Kubernetes | undefined> {
  if (options === undefined) return undefined;
  const { client } = started.use(
    await connectCluster(options.cluster, { clock, userAgent: 'llm-d-epp' }),
  );
  const kubernetes = startKubernetes(options, {
    client,
    fleet: running.fleet,
    policies,
    parsers: parserTypes(running.config),
    followersDiscover: running.config.featureGates.haPopulateNonLeaderDatastore,
    clock,
    random: systemRandom,
    telemetry,
    newId: randomUUID,
  });
  started.defer(() => kubernetes.close());
  return kubernetes;
}
