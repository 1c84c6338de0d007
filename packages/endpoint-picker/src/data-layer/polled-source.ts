// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import type { Endpoint, Extractor, Named } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { extractErrorsTotal, pollErrorsTotal } from '../metric-definitions/data-series.ts';
import type { MetricsTransport } from '../scrape/metrics-transport.ts';

/** An extractor with its type, for the metrics. */
export interface FedExtractor extends Named<Extractor> {
  readonly type: string;
}

export interface PolledSourceOptions {
  /** Plugin type of the source. */
  readonly type: string;
  readonly fleet: Fleet;
  /** Gets an endpoint's answer. Closed by whoever made it. */
  readonly transport: MetricsTransport;
  readonly extractors: readonly FedExtractor[];
  /** Time from one poll of an endpoint to its next. */
  readonly intervalMs: number;
  /** Longest a poll may take. Default 1000. */
  readonly timeoutMs?: number;
  readonly clock: Clock;
  /** Spreads the first polls over an interval. */
  readonly random: Random;
  readonly telemetry: Telemetry;
}

/** Longest wait between polls of an endpoint that does not answer, where the interval is shorter. */
const SLOWEST_INTERVAL_MS = 30_000;

/**
 * Asks every member of the fleet again and again and gives its answers to the extractors, never two polls of one
 * endpoint at a time. An endpoint that does not answer is asked less often; it is not ejected, for what is asked here is
 * beside its service. Returns how to stop, after which nothing is in flight.
 */
export function startPolledSource(options: PolledSourceOptions): { stop(): void } {
  const loops = new Map<string, PollLoop>();
  const unlisten = options.fleet.listen({
    endpointAdded: (endpoint) => {
      loops.set(endpoint.id, new PollLoop(endpoint, options));
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

class PollLoop {
  readonly #endpoint: Endpoint;
  readonly #options: PolledSourceOptions;
  #failures = 0;
  /** Extractors whose last answer made no sense. */
  readonly #confused = new Set<string>();
  #timer: Timer;
  #poll: AbortController | undefined;
  #isStopped = false;

  constructor(endpoint: Endpoint, options: PolledSourceOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#timer = this.#next(options.random.next() * options.intervalMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer.cancel();
    this.#poll?.abort();
  }

  #next(delayMs: number): Timer {
    return this.#options.clock.schedule(delayMs, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { clock, transport, intervalMs, timeoutMs = 1000 } = this.#options;
    const startedMs = clock.nowMs();
    const poll = new AbortController();
    this.#poll = poll;
    const limit = clock.schedule(timeoutMs, () => {
      poll.abort();
    });
    try {
      const answer = await transport.get(this.#endpoint, poll.signal);
      if (!this.#isStopped) this.#extract(answer);
    } catch (error) {
      if (!this.#isStopped) this.#failed(error);
    } finally {
      limit.cancel();
    }
    if (this.#isStopped) return;
    const slowest = Math.max(intervalMs, SLOWEST_INTERVAL_MS);
    const pauseMs = Math.min(slowest, intervalMs * 2 ** Math.min(this.#failures, 20));
    this.#timer = this.#next(Math.max(0, startedMs + pauseMs - clock.nowMs()));
  }

  #failed(error: unknown): void {
    const { telemetry, type } = this.#options;
    this.#failures++;
    telemetry.metrics.counter(pollErrorsTotal, { source_type: type }).inc();
    if (this.#failures > 1) return;
    telemetry.logger.warn('poll failed', { source: type, endpoint: this.#endpoint.id, error });
  }

  #extract(answer: Uint8Array): void {
    const { extractors, fleet, telemetry, type } = this.#options;
    this.#failures = 0;
    for (const { name, type: extractorType, plugin } of extractors) {
      try {
        const scalars = plugin.extract(this.#endpoint, answer);
        if (scalars !== undefined) fleet.keepScalars(this.#endpoint.id, scalars);
        this.#confused.delete(name);
      } catch (error) {
        const labels = { source_type: type, extractor_type: extractorType };
        telemetry.metrics.counter(extractErrorsTotal, labels).inc();
        if (this.#confused.has(name)) continue;
        this.#confused.add(name);
        const endpoint = this.#endpoint.id;
        telemetry.logger.warn('extraction failed', {
          source: type,
          extractor: name,
          endpoint,
          error,
        });
      }
    }
  }
}
