import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { probabilisticAdmitter } from './probabilistic-admitter.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');

/** Whether a request is admitted when the dice show `draw`. */
const admits = (draw: number, candidates = [a], priority = -1, parameters = {}): boolean => {
  const { admitter } = makePlugin(probabilisticAdmitter, parameters, {
    random: { next: () => draw },
  });
  return admitter?.admit(makeCycle({ request: { priority } }), candidates).admitted ?? false;
};

test.each([
  ['a full queue', [a.queue(5)]],
  ['a full cache', [a.kvUsage(0.8)]],
  ['the mean of a full and an idle endpoint', [a.queue(5), b]],
])('%s sheds all with the default factor', (_name, candidates) => {
  expect(admits(0.999, candidates)).toBe(false);
});

test('the probability is saturation to the power, times the factor', () => {
  // Saturation (0.4 + 0.2) / 2 = 0.3, cubed 0.027, times 10 = 0.27.
  const candidates = [a.queue(4).kvUsage(0.1), b.kvUsage(0.16)];
  const parameters = { queueDepthThreshold: 10, power: 3, k: 10 };
  expect(admits(0.2699, candidates, -1, parameters)).toBe(false);
  expect(admits(0.2701, candidates, -1, parameters)).toBe(true);
});

test.each([
  ['idle endpoints', [a, b], -1],
  ['priority 0', [a.queue(99)], 0],
  ['a higher priority', [a.queue(99)], 7],
  ['no endpoints, which others will say', [], -1],
])('%s: admitted', (_name, candidates, priority) => {
  expect(admits(0, candidates, priority)).toBe(true);
});

test('a refusal says why', () => {
  const { admitter } = makePlugin(probabilisticAdmitter, {}, { random: { next: () => 0 } });
  const admission = admitter?.admit(makeCycle({ request: { priority: -1 } }), [a.queue(2)]);
  expect(admission).toEqual({
    admitted: false,
    status: 429,
    message: 'the endpoints are too busy (saturation 0.400, probability of refusal 1.00)',
  });
});

test.each(['queueDepthThreshold', 'kvCacheUtilThreshold', 'power', 'k'])(
  '%s must be above 0',
  (name) => {
    expect(probabilisticAdmitter.parameters.safeParse({ [name]: 0 }).success).toBe(false);
  },
);
