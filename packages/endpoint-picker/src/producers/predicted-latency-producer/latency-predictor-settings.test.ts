import { expect, test } from 'vitest';
import {
  defaultLatencyPredictorSettings,
  readLatencyPredictorSettings,
} from './latency-predictor-settings.ts';

test('an empty environment leaves the defaults', () => {
  expect(readLatencyPredictorSettings({ LATENCY_MAX_BULK_SIZE: '' })).toEqual(
    defaultLatencyPredictorSettings,
  );
});

test('every variable is read', () => {
  const settings = readLatencyPredictorSettings({
    TRAINING_SERVER_URL: 'http://train:1/',
    PREDICTION_SERVER_URL: 'http://p1:1, https://p2:2',
    LATENCY_MAX_SAMPLE_SIZE: '20000',
    LATENCY_FLUSH_INTERVAL_SEC: '2',
    LATENCY_USE_NATIVE_XGBOOST: 'false',
    LATENCY_HTTP_TIMEOUT_SEC: '3',
    LATENCY_METRICS_INTERVAL_SEC: '4',
    LATENCY_MAX_BULK_SIZE: '50',
    LATENCY_COALESCE_WINDOW_MS: '0',
    LATENCY_MAX_COALESCED_ROWS: '500',
    LATENCY_MAX_CONCURRENT_DISPATCHES: '48',
  });
  expect(settings).toEqual({
    trainingUrl: 'http://train:1/',
    predictionUrls: ['http://p1:1', 'https://p2:2'],
    maxSampleSize: 20_000,
    flushIntervalMs: 2000,
    httpTimeoutMs: 3000,
    statusIntervalMs: 4000,
    maxBulkSize: 50,
    coalesceWindowMs: 0,
    maxCoalescedRows: 500,
    maxConcurrentDispatches: 48,
  });
});

test.each([
  ['LATENCY_MAX_BULK_SIZE', '101', 'a whole number from 1 to 100'],
  ['LATENCY_MAX_CONCURRENT_DISPATCHES', '0', 'a whole number from 1'],
  ['LATENCY_COALESCE_WINDOW_MS', '0.5', 'a whole number from 0'],
  ['TRAINING_SERVER_URL', 'localhost', 'a URL'],
  ['PREDICTION_SERVER_URL', 'http://a,,http://b', 'URLs separated by commas'],
])('%s=%s is refused: expected %s', (variable, value, expected) => {
  expect(() => readLatencyPredictorSettings({ [variable]: value })).toThrow(
    `${variable}="${value}": expected ${expected}`,
  );
});
