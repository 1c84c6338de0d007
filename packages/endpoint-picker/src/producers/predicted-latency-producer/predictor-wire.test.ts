import { expect, test } from 'vitest';
import { isReady, readPredictions } from './predictor-wire.ts';

const good = { ttft_ms: 12.5, tpot_ms: 3, ttft_uncertainty: 1, predicted_at: 'now' };

test('predictions are read by their times; whatever else the server says is its own', () => {
  expect(readPredictions({ predictions: [good], processing_time_ms: 1 }, 1)).toEqual([
    { ttftMs: 12.5, tpotMs: 3 },
  ]);
});

test.each([
  ['no list', {}, 'is not a list of predictions'],
  ['a row without times', { predictions: [{}] }, 'is not a list of predictions'],
  ['a time below zero', { predictions: [{ ...good, ttft_ms: -1 }] }, 'is not a list'],
  ['too few rows', { predictions: [] }, 'has 0 predictions for 1 rows'],
  ['failed rows', { predictions: [good], failed_predictions: 1 }, 'lacks 1 of 1 predictions'],
])('%s is refused', (_, answer, message) => {
  expect(() => readPredictions(answer, 1)).toThrow(message);
});

test.each([
  [{ is_ready: true, model_type: 'xgboost' }, true],
  [{ is_ready: false }, false],
  [undefined, false],
])('a server that answers %j is ready: %s', (answer, expected) => {
  expect(isReady(answer)).toBe(expected);
});
