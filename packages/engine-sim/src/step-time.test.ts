import { expect, test } from 'vitest';
import { plainProfile } from './testdata/build-engine.ts';
import { defaultLatencySettings as plain, stepTimeMs } from './step-time.ts';

const costs = {
  ...plainProfile.step,
  prefillQuadraticMsPerTokenSquared: 0.5,
  kvReadMsPerToken: 0.1,
  perSequenceMs: 2,
  perSequenceLimit: 3,
  decodeShareWithPrefill: 0.3,
};
const prefill = { prefillTokens: 4, prefillContext: 4 * (10 + 2) };
const decode = { decodeSequences: 2, decodeContext: 50 };
const none = { prefillTokens: 0, prefillContext: 0, decodeSequences: 0, decodeContext: 0 };

test.each([
  ['prefill alone', { ...none, ...prefill }, 1 + 4 + 24],
  ['decode alone', { ...none, ...decode }, 1 + 10 + 5 + 4],
  ['decode beside prefill', { ...prefill, ...decode }, 1 + 4 + 24 + 3 + 5 + 4],
  ['sequences beyond the limit', { ...none, ...decode, decodeSequences: 9 }, 1 + 10 + 5 + 6],
])('%s', (_, work, expectedMs) => {
  expect(stepTimeMs(costs, work, plain)).toBeCloseTo(expectedMs, 9);
});

test('factors stretch their own part', () => {
  const latency = { ...plain, prefillFactor: 2, decodeFactor: 3 };
  expect(stepTimeMs(costs, { ...prefill, ...decode }, latency)).toBeCloseTo(1 + 2 * 28 + 3 * 12, 9);
});
