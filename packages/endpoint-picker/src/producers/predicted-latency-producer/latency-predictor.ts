// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import { createJsonService, type JsonService } from '../json-service.ts';
import { createCoalescer } from './coalescer.ts';
import type { LatencyPredictorSettings } from './latency-predictor-settings.ts';
import {
  createPredictionServers,
  PredictorUnavailableError,
  type PredictionServerState,
} from './prediction-servers.ts';
import {
  trainingBody,
  trainingPath,
  type LatencyFeatures,
  type PredictedTimes,
  type TrainingSample,
} from './predictor-wire.ts';
import { createTrainingBuffer } from './training-buffer.ts';

export interface LatencyPredictorOptions {
  readonly settings: LatencyPredictorSettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default connections of its own to the URL. */
  readonly connect?: (url: string) => JsonService;
}

/** What the predictor is doing, for people who ask. */
export interface LatencyPredictorState {
  /** `degraded`: no prediction server is well, requests are placed without predictions. */
  readonly status: 'ready' | 'degraded';
  readonly predictionServers: readonly PredictionServerState[];
  /** Calls for predictions under way. */
  readonly callsUnderWay: number;
  readonly samplesWaiting: number;
  readonly samplesSent: number;
  /** Samples that were left out of a selection or that the training server did not take. */
  readonly samplesDropped: number;
  /** Why samples were not taken the last time. Absent where they were. */
  readonly trainingError?: string;
}

/** Asks the predictor's servers for times and tells them what really happened. */
export interface LatencyPredictor {
  /** Whether asking is worth while. */
  readonly isAvailable: boolean;
  /** Expected times, one for each row. Rejects when they cannot be had or the signal aborts. */
  predict(
    rows: readonly LatencyFeatures[],
    signal: AbortSignal,
  ): Promise<readonly PredictedTimes[]>;
  /** Sends a sample along with the next others. */
  train(sample: TrainingSample): void;
  readonly state: LatencyPredictorState;
  /** Sends what is collected and ends everything. */
  close(): Promise<void>;
}

/** A request waits no longer for its data than this, so neither does its prediction. */
const PREDICTION_TIMEOUT_MS = 400;
/** Some hundred requests over a hundred endpoints each. */
const MAX_WAITING_ROWS = 50_000;
/** Longest that closing waits for the training server. */
const LAST_FLUSH_MS = 1000;

/** Does nothing before it is asked something. Throws a TypeError where a URL is none. */
export function createLatencyPredictor(options: LatencyPredictorOptions): LatencyPredictor {
  const { settings, clock, random, logger } = options;
  const connect = options.connect ?? connector(clock, settings);
  const servers = createPredictionServers({
    services: settings.predictionUrls.map(connect),
    clock,
    random,
    logger,
    timeoutMs: Math.min(settings.httpTimeoutMs, PREDICTION_TIMEOUT_MS),
    statusIntervalMs: settings.statusIntervalMs,
  });
  const coalescer = createCoalescer<LatencyFeatures, PredictedTimes>({
    send: (rows) => servers.predict(rows),
    clock,
    windowMs: settings.coalesceWindowMs,
    maxRows: settings.maxCoalescedRows,
    maxConcurrent: settings.maxConcurrentDispatches,
    maxWaitingRows: MAX_WAITING_ROWS,
  });
  const training = new Training(connect(settings.trainingUrl), options);

  return {
    get isAvailable() {
      return servers.isAvailable;
    },
    predict: async (rows, signal) => {
      if (!servers.isAvailable) throw new PredictorUnavailableError();
      const parts: Promise<readonly PredictedTimes[]>[] = [];
      for (let from = 0; from < rows.length; from += settings.maxBulkSize) {
        parts.push(coalescer.submit(rows.slice(from, from + settings.maxBulkSize), signal));
      }
      return (await Promise.all(parts)).flat();
    },
    train: (sample) => {
      training.add(sample);
    },
    get state() {
      return {
        status: servers.isAvailable ? 'ready' : 'degraded',
        predictionServers: servers.states,
        callsUnderWay: coalescer.underWay,
        ...training.state,
      } as const;
    },
    close: async () => {
      coalescer.close();
      await Promise.all([servers.close(), training.close()]);
    },
  };
}

const connector =
  (clock: Clock, settings: LatencyPredictorSettings) =>
  (url: string): JsonService =>
    createJsonService({ url, clock, connections: settings.maxConcurrentDispatches });

type TrainingOptions = Pick<LatencyPredictorOptions, 'settings' | 'clock' | 'random' | 'logger'>;

/** The way of samples to the training server: collected for a while, sent together, never twice. */
class Training {
  readonly #service: JsonService;
  readonly #options: TrainingOptions;
  readonly #buffer: ReturnType<typeof createTrainingBuffer>;
  #timer: Timer | undefined;
  #sent = 0;
  #dropped = 0;
  #error: string | undefined;
  #isSending = false;
  #isClosed = false;

  constructor(service: JsonService, options: TrainingOptions) {
    this.#service = service;
    this.#options = options;
    this.#buffer = createTrainingBuffer(options.settings.maxSampleSize, options.random);
  }

  get state() {
    return {
      samplesWaiting: this.#buffer.seen,
      samplesSent: this.#sent,
      samplesDropped: this.#dropped,
      ...(this.#error !== undefined && { trainingError: this.#error }),
    };
  }

  add(sample: TrainingSample): void {
    if (this.#isClosed) return;
    this.#buffer.add(sample);
    this.#flushLater();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#flush(LAST_FLUSH_MS);
    await this.#service.close();
  }

  /** One call at a time: a slow server gets more samples at once, not more calls. */
  #flushLater(): void {
    if (this.#isSending || this.#isClosed || this.#buffer.seen === 0) return;
    const { clock, settings } = this.#options;
    this.#timer ??= clock.schedule(settings.flushIntervalMs, () => {
      this.#timer = undefined;
      this.#isSending = true;
      void this.#flush(settings.httpTimeoutMs).then(() => {
        this.#isSending = false;
        this.#flushLater();
      });
    });
  }

  async #flush(timeoutMs: number): Promise<void> {
    const { seen } = this.#buffer;
    if (seen === 0) return;
    const samples = this.#buffer.take();
    this.#dropped += seen - samples.length;
    try {
      await this.#service.call({ path: trainingPath, body: trainingBody(samples), timeoutMs });
      this.#sent += samples.length;
      this.#error = undefined;
    } catch (error) {
      this.#dropped += samples.length;
      const reason = error instanceof Error ? error.message : String(error);
      if (this.#error === undefined) {
        this.#options.logger.warn('training samples were not taken', { reason });
      }
      this.#error = reason;
    }
  }
}
