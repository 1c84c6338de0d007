// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import type { Endpoint } from '@llm-d/scheduler-core';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { pollErrorsTotal } from '../metric-definitions/data-series.ts';
import type { EngineMapping } from './engine-mapping.ts';
import { createEngineMetricsReader } from './engine-metrics-reader.ts';
import { createExpositionScope } from './exposition-scope.ts';
import { ScrapeError, type MetricsTransport } from './metrics-transport.ts';
import { ScrapeRhythm } from './scrape-rhythm.ts';

export interface ScraperOptions {
  readonly fleet: Fleet;
  readonly transport: MetricsTransport;
  readonly clock: Clock;
  /** Spreads the first scrapes over an interval. */
  readonly random: Random;
  /** Time from one scrape of an endpoint to its next. Default 50, as llm-d's `--refresh-metrics-interval`. */
  readonly intervalMs?: number;
  /** The same for an endpoint at rest. Default 150, or the interval where that is longer. */
  readonly idleIntervalMs?: number;
  /** Longest a scrape may take. Default 1000. */
  readonly timeoutMs?: number;
  /** Which metrics to read of an endpoint with these labels. */
  readonly mappingFor: (labels: Readonly<Record<string, string>>) => EngineMapping;
  readonly telemetry?: Telemetry;
}

/** Scrapes in a row that must time out before an endpoint is taken for dead. A refused connection is enough at once. */
const TIMEOUTS_UNTIL_EJECTION = 3;
/** Longest wait between scrapes of an endpoint that does not answer. */
const SLOWEST_INTERVAL_MS = 1000;
/** Below llm-d's default staleness threshold of 200 ms, so that an endpoint at rest does not look dead. */
const IDLE_INTERVAL_MS = 150;

/**
 * Keeps the metrics of every member of the fleet fresh, each endpoint on a rhythm of its own and never
 * more than one scrape of it at a time. An endpoint that cannot be reached is ejected, and restored by
 * the first scrape that succeeds. Returns how to stop, after which nothing is in flight.
 */
export function startScraper(options: ScraperOptions): { stop(): void } {
  const loops = new Map<string, { stop(): void }>();
  const unlisten = options.fleet.listen({
    endpointAdded: (endpoint) => {
      loops.set(endpoint.id, startLoop(endpoint, options));
    },
    // Its labels say which engine it is.
    endpointRelabelled: (endpoint) => {
      loops.get(endpoint.id)?.stop();
      loops.set(endpoint.id, startLoop(endpoint, options));
    },
    endpointRemoved: (endpoint) => {
      loops.get(endpoint.id)?.stop();
      loops.delete(endpoint.id);
      options.transport.forget(endpoint);
    },
  });
  return {
    stop: () => {
      unlisten();
      for (const loop of loops.values()) loop.stop();
      loops.clear();
    },
  };
}

function startLoop(endpoint: Endpoint, options: ScraperOptions): { stop(): void } {
  const { fleet, transport, clock, telemetry = noopTelemetry } = options;
  const intervalMs = options.intervalMs ?? 50;
  const timeoutMs = options.timeoutMs ?? 1000;
  const mapping = options.mappingFor(endpoint.labels);
  const reader = createEngineMetricsReader(mapping);
  const scope = createExpositionScope(mapping);
  const rhythm = new ScrapeRhythm({
    intervalMs,
    idleIntervalMs: Math.max(intervalMs, options.idleIntervalMs ?? IDLE_INTERVAL_MS),
  });
  const errors = telemetry.metrics.counter(pollErrorsTotal, { source_type: 'metrics-data-source' });
  let failures = 0;
  let timer: Timer | undefined;
  let scrape = new AbortController();
  let stopped = false;

  const failed = (error: unknown): void => {
    failures++;
    errors.inc();
    if (failures === 1) telemetry.logger.warn('scrape failed', { endpoint: endpoint.id, error });
    const failure = error instanceof ScrapeError ? error.failure : 'unreachable';
    const dead =
      failure === 'unreachable' || (failure === 'timeout' && failures >= TIMEOUTS_UNTIL_EJECTION);
    if (!dead) return;
    const untilMs = clock.nowMs() + 2 * Math.max(SLOWEST_INTERVAL_MS, intervalMs) + timeoutMs;
    fleet.eject(endpoint.id, { untilMs, reason: `metrics ${failure}` });
  };

  const succeeded = (exposition: Buffer, measurement: ReturnType<Fleet['measure']>): void => {
    if (failures > 0) telemetry.logger.info('scrape works again', { endpoint: endpoint.id });
    failures = 0;
    measurement?.complete(reader.read(exposition, clock.nowMs()));
    fleet.restore(endpoint.id);
  };

  const fetched = async (signal: AbortSignal): Promise<Buffer> => {
    try {
      const exposition = await transport.get(endpoint, signal, scope.query);
      if (scope.accepts(exposition)) return exposition;
    } catch (error) {
      const isAnswer = error instanceof ScrapeError && error.failure === 'bad-status';
      if (!isAnswer || !scope.refused()) throw error;
    }
    return transport.get(endpoint, signal, scope.query);
  };
  /** Requests that the endpoint has, or was just given. */
  const load = (): number => {
    const now = fleet.get(endpoint.id);
    if (now === undefined) return 0;
    return now.reservedRequests + now.metrics.runningRequests + now.metrics.waitingRequests;
  };

  const run = async (): Promise<void> => {
    const startedMs = clock.nowMs();
    const loadBefore = load();
    const measurement = fleet.measure(endpoint.id);
    // One that has not aborted serves the next scrape as well.
    if (scrape.signal.aborted) scrape = new AbortController();
    const controller = scrape;
    const timeout = clock.schedule(timeoutMs, () => {
      controller.abort();
    });
    try {
      const exposition = await fetched(controller.signal);
      if (!stopped) succeeded(exposition, measurement);
    } catch (error) {
      if (!stopped) failed(error);
    } finally {
      timeout.cancel();
    }
    if (stopped) return;
    const pauseMs =
      failures === 0
        ? rhythm.next(loadBefore + load() === 0)
        : Math.max(intervalMs, Math.min(SLOWEST_INTERVAL_MS, intervalMs * 2 ** failures));
    next(Math.max(0, startedMs + pauseMs - clock.nowMs()));
  };
  const next = (delayMs: number): void => {
    timer = clock.schedule(delayMs, () => void run());
  };

  next(options.random.next() * intervalMs);
  return {
    stop: () => {
      stopped = true;
      timer?.cancel();
      scrape.abort();
    },
  };
}
