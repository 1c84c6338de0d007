import { expect, test } from 'vitest';
import { prefixAccuracy } from './prefix-sample.ts';

test('belief, truth and what could have been had are summed up apart', () => {
  const { prediction, opportunity } = prefixAccuracy([
    { promptTokens: 100, cachedTokens: 40, predictedTokens: 60, bestTokens: 40 },
    { promptTokens: 100, cachedTokens: 0, predictedTokens: 0, bestTokens: 80 },
    { promptTokens: 50, cachedTokens: 30, predictedTokens: 20, bestTokens: 20 },
    { promptTokens: 10, cachedTokens: 5, bestTokens: 5 },
    { promptTokens: 10, cachedTokens: 5 },
  ]);
  expect(prediction).toEqual({
    ...{ requests: 3, promptTokens: 250, cachedTokens: 70 },
    ...{ predictedTokens: 80, overestimatedTokens: 20, underestimatedTokens: 10 },
  });
  expect(opportunity).toEqual({
    ...{ requests: 4, promptTokens: 260, cachedTokens: 75 },
    // What somebody else computed while the request was on its way is no loss of another one.
    ...{ bestTokens: 145, lostTokens: 80 },
  });
});

test('what no request says is not there', () => {
  expect(prefixAccuracy([])).toEqual({ prediction: undefined, opportunity: undefined });
  expect(prefixAccuracy([{ promptTokens: 1, cachedTokens: 0 }]).prediction).toBeUndefined();
});
