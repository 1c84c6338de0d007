// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** Where the latency predictor's servers are and how they are to be treated. The same for every plugin instance. */
export interface LatencyPredictorSettings {
  /** Server that learns from samples. */
  readonly trainingUrl: string;
  /** Servers that predict; each call goes to one of those that are well. */
  readonly predictionUrls: readonly string[];
  /** Most samples sent at once; of more, a fair selection is sent. */
  readonly maxSampleSize: number;
  /** Time for which samples are collected before they are sent. */
  readonly flushIntervalMs: number;
  /** Longest a call may take; a prediction that takes longer than its request waits is given up earlier. */
  readonly httpTimeoutMs: number;
  /** Time from one look at a prediction server's status to the next. */
  readonly statusIntervalMs: number;
  /** Most rows of one request in one call. */
  readonly maxBulkSize: number;
  /** Time for which the rows of requests that arrive together are collected into one call; 0 = not at all. */
  readonly coalesceWindowMs: number;
  /** Rows with which a call leaves before its window is over; 0 = any number fits. */
  readonly maxCoalescedRows: number;
  /** Most calls under way at a time. */
  readonly maxConcurrentDispatches: number;
}

/** llm-d's defaults: two sidecars. */
export const defaultLatencyPredictorSettings: LatencyPredictorSettings = Object.freeze({
  trainingUrl: 'http://localhost:8000',
  predictionUrls: ['http://localhost:8001'],
  maxSampleSize: 1000,
  flushIntervalMs: 1000,
  httpTimeoutMs: 10_000,
  statusIntervalMs: 60_000,
  maxBulkSize: 100,
  coalesceWindowMs: 1,
  maxCoalescedRows: 0,
  maxConcurrentDispatches: 36,
});

/** A variable of the environment that says something impossible. */
export class LatencyPredictorSettingsError extends Error {
  readonly code = 'LATENCY_PREDICTOR_SETTINGS';
  readonly variable: string;
  readonly value: string;

  constructor(variable: string, value: string, expected: string) {
    super(`${variable}="${value}": expected ${expected}`);
    this.name = 'LatencyPredictorSettingsError';
    this.variable = variable;
    this.value = value;
  }
}

/**
 * The settings that these variables describe, named as llm-d-router v0.10.0 names them. One that is unset or empty
 * leaves its default. `LATENCY_USE_NATIVE_XGBOOST` is accepted without effect: bulk predictions are always asked of
 * the servers. Throws {@link LatencyPredictorSettingsError}.
 */
export function readLatencyPredictorSettings(
  env: Readonly<Record<string, string | undefined>>,
): LatencyPredictorSettings {
  const value = <T>(variable: string, read: (text: string) => T | undefined, expected: string) => {
    const text = env[variable]?.trim() ?? '';
    if (text === '') return undefined;
    const known = read(text);
    if (known === undefined) throw new LatencyPredictorSettingsError(variable, text, expected);
    return known;
  };
  const whole = (variable: string, min: number, max = Number.MAX_SAFE_INTEGER) =>
    value(
      variable,
      (text) => {
        const number = Number(text);
        return Number.isInteger(number) && number >= min && number <= max ? number : undefined;
      },
      `a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`,
    );
  const seconds = (variable: string) => scaled(whole(variable, 1), 1000);
  const given = {
    trainingUrl: value('TRAINING_SERVER_URL', readUrl, 'a URL'),
    predictionUrls: value('PREDICTION_SERVER_URL', readUrls, 'URLs separated by commas'),
    maxSampleSize: whole('LATENCY_MAX_SAMPLE_SIZE', 1),
    flushIntervalMs: seconds('LATENCY_FLUSH_INTERVAL_SEC'),
    httpTimeoutMs: seconds('LATENCY_HTTP_TIMEOUT_SEC'),
    statusIntervalMs: seconds('LATENCY_METRICS_INTERVAL_SEC'),
    maxBulkSize: whole('LATENCY_MAX_BULK_SIZE', 1, 100),
    coalesceWindowMs: whole('LATENCY_COALESCE_WINDOW_MS', 0),
    maxCoalescedRows: whole('LATENCY_MAX_COALESCED_ROWS', 0),
    maxConcurrentDispatches: whole('LATENCY_MAX_CONCURRENT_DISPATCHES', 1),
  };
  return Object.freeze({ ...defaultLatencyPredictorSettings, ...withoutUndefined(given) });
}

const url = z.url({ protocol: /^https?$/ });
const readUrl = (text: string): string | undefined =>
  url.safeParse(text).success ? text : undefined;

function readUrls(text: string): readonly string[] | undefined {
  const urls = text.split(',').map((part) => readUrl(part.trim()));
  return urls.every((known) => known !== undefined) ? urls : undefined;
}

const scaled = (value: number | undefined, factor: number): number | undefined =>
  value === undefined ? undefined : value * factor;

type Known<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(given: T): Known<T> {
  // What is left has none of the values that the type excludes.
  return Object.fromEntries(
    Object.entries(given).filter(([, known]) => known !== undefined),
  ) as Known<T>;
}
