// SPDX-License-Identifier: Apache-2.0
import { randomBelow, type Clock, type Random, type Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import { JsonServiceError, type JsonService } from '../json-service.ts';
import {
  isReady,
  predictBody,
  predictPath,
  readPredictions,
  statusPath,
  type LatencyFeatures,
  type PredictedTimes,
} from './predictor-wire.ts';

export interface PredictionServersOptions {
  readonly services: readonly JsonService[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Longest a prediction may take. */
  readonly timeoutMs: number;
  /** Time from one look at a server that is well to the next. */
  readonly statusIntervalMs: number;
}

/** What is known of one prediction server. */
export interface PredictionServerState {
  readonly url: string;
  readonly available: boolean;
  /** Why it is left out, or what it failed at last. Absent where nothing failed since it was well. */
  readonly lastError?: string;
}

/**
 * The prediction servers. One that fails is left out until its `/status` says that it is ready, so that requests do
 * not wait for what will not come.
 */
export interface PredictionServers {
  /** Whether any server is worth asking. */
  readonly isAvailable: boolean;
  /** Asks one of the servers that are well, chosen by chance. */
  predict(rows: readonly LatencyFeatures[]): Promise<readonly PredictedTimes[]>;
  readonly states: readonly PredictionServerState[];
  close(): Promise<void>;
}

/** No server is well. */
export class PredictorUnavailableError extends Error {
  readonly code = 'PREDICTOR_UNAVAILABLE';
  constructor() {
    super('no prediction server is available');
    this.name = 'PredictorUnavailableError';
  }
}

/** Failures in a row after which a server that can be reached is left out. */
const FAILURES_UNTIL_LEFT_OUT = 3;
const FIRST_PROBE_MS = 1000;
const SLOWEST_PROBE_MS = 30_000;
const PROBE_TIMEOUT_MS = 1000;

/** Nothing is asked before the first prediction is. */
export function createPredictionServers(options: PredictionServersOptions): PredictionServers {
  const { random } = options;
  const servers = options.services.map((service) => new PredictionServer(service, options));
  return {
    get isAvailable() {
      return servers.some(({ available }) => available);
    },
    predict: async (rows) => {
      const well = servers.filter(({ available }) => available);
      const server = well[well.length > 1 ? randomBelow(random, well.length) : 0];
      if (server === undefined) throw new PredictorUnavailableError();
      return server.predict(rows);
    },
    get states() {
      return servers.map((server) => server.state);
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

class PredictionServer {
  available = true;
  readonly #service: JsonService;
  readonly #options: PredictionServersOptions;
  #failures = 0;
  #lastError: string | undefined;
  #probeMs = FIRST_PROBE_MS;
  #timer: Timer | undefined;
  readonly #closing = new AbortController();

  constructor(service: JsonService, options: PredictionServersOptions) {
    this.#service = service;
    this.#options = options;
  }

  get state(): PredictionServerState {
    return {
      url: this.#service.url,
      available: this.available,
      ...(this.#lastError !== undefined && { lastError: this.#lastError }),
    };
  }

  async predict(rows: readonly LatencyFeatures[]): Promise<readonly PredictedTimes[]> {
    this.#lookLater(this.#options.statusIntervalMs);
    try {
      const answer = await this.#service.call({
        path: predictPath,
        body: predictBody(rows),
        timeoutMs: this.#options.timeoutMs,
        signal: this.#closing.signal,
      });
      const times = readPredictions(answer, rows.length);
      this.#failures = 0;
      return times;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  close(): Promise<void> {
    this.#timer?.cancel();
    this.#closing.abort();
    return this.#service.close();
  }

  #failed(error: unknown): void {
    this.#failures++;
    this.#lastError = error instanceof Error ? error.message : String(error);
    const isGone = error instanceof JsonServiceError && error.failure === 'unreachable';
    if (isGone || this.#failures >= FAILURES_UNTIL_LEFT_OUT) this.#leaveOut();
  }

  #leaveOut(): void {
    if (!this.available || this.#closing.signal.aborted) return;
    this.available = false;
    this.#probeMs = FIRST_PROBE_MS;
    const { url } = this.#service;
    this.#options.logger.warn('latency predictor is not available', {
      url,
      reason: this.#lastError,
    });
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lookLater(this.#probeMs);
  }

  #lookLater(delayMs: number): void {
    if (this.#closing.signal.aborted) return;
    this.#timer ??= this.#options.clock.schedule(delayMs, () => {
      this.#timer = undefined;
      void this.#look();
    });
  }

  /** While the server is well the next look is set by the next prediction, so that an idle picker asks nothing. */
  async #look(): Promise<void> {
    try {
      const answer = await this.#service.call({
        path: statusPath,
        timeoutMs: PROBE_TIMEOUT_MS,
        signal: this.#closing.signal,
      });
      if (isReady(answer)) this.#well();
      else this.#notReady('it is not ready');
    } catch (error) {
      this.#notReady(error instanceof Error ? error.message : String(error));
    }
  }

  #well(): void {
    this.#failures = 0;
    this.#lastError = undefined;
    if (this.available) return;
    this.available = true;
    this.#options.logger.info('latency predictor is available again', { url: this.#service.url });
  }

  #notReady(reason: string): void {
    this.#lastError = reason;
    if (this.available) {
      this.#leaveOut();
      return;
    }
    this.#probeMs = Math.min(SLOWEST_PROBE_MS, this.#probeMs * 2);
    this.#lookLater(this.#probeMs);
  }
}
