import { describe, expect, test } from 'vitest';
import { Attributes } from '../../../attribute.ts';
import { inflightLoad } from '../../../attributes/inflight-load.ts';
import { makeCycle, makeEndpoint, makeInflightLoad, makePlugin } from '../../../testing/index.ts';
import { partOf } from '../policy.testing.ts';
import { concurrencyDetector } from './concurrency-detector.ts';

const a = makeEndpoint('a');
const b = makeEndpoint('b');
const load = makeInflightLoad({
  a: { requests: 60, tokens: 900_000 },
  b: { requests: 20, tokens: 100_000 },
});
const published = new Attributes();
published.set(inflightLoad(), load);

const detector = (parameters: Record<string, unknown> = {}) =>
  partOf(makePlugin(concurrencyDetector, parameters), 'saturationDetector');

describe('how full the pool is', () => {
  test.each([
    ['requests', {}, { requests: 0, bytes: 0 }, 0.4],
    ['tokens', {}, { requests: 0, bytes: 0 }, 0.5],
    ['hybrid', {}, { requests: 0, bytes: 0 }, 0.5],
    ['hybrid', { maxConcurrency: 50 }, { requests: 0, bytes: 0 }, 0.8],
    ['requests', {}, { requests: 40, bytes: 0 }, 0.6],
    ['tokens', {}, { requests: 40, bytes: 1_600_000 }, 0.7],
    ['tokens', { maxTokenConcurrency: 500_000 }, { requests: 0, bytes: 0 }, 1],
  ])('by %s with %j and %j on the way', (concurrencyMode, parameters, unplaced, expected) => {
    const context = { nowMs: 0, unplaced, attributes: published };
    expect(detector({ concurrencyMode, ...parameters }).saturation([a, b], context)).toBeCloseTo(
      expected,
    );
  });

  test('an empty pool is full; without a count nothing is in flight', () => {
    const context = {
      nowMs: 0,
      unplaced: { requests: 0, bytes: 0 },
      attributes: new Attributes(),
    };
    expect(detector().saturation([], context)).toBe(1);
    expect(detector().saturation([a], context)).toBe(0);
  });

  test('it sees the end of an answer at once', () => {
    expect(detector().isImmediate).toBe(true);
  });
});

describe('as a filter', () => {
  const kept = (parameters: Record<string, unknown>) =>
    partOf(makePlugin(concurrencyDetector, parameters), 'filter')
      .filter(makeCycle({ attributes: [[inflightLoad(), load]] }), [a, b])
      .map(({ name }) => name)
      .join('');

  test.each([
    ['requests at the bound', { maxConcurrency: 60 }, 'b'],
    ['nothing below it', { maxConcurrency: 61 }, 'ab'],
    ['what is beyond the headroom', { maxConcurrency: 50, headroom: 0.2 }, 'b'],
    ['nothing within the headroom', { maxConcurrency: 50, headroom: 0.22 }, 'ab'],
    ['tokens at the bound', { concurrencyMode: 'tokens', maxTokenConcurrency: 900_000 }, 'b'],
    ['by requests alone otherwise', { maxTokenConcurrency: 1 }, 'ab'],
    ['either of both', { concurrencyMode: 'hybrid', maxTokenConcurrency: 100_000 }, ''],
    ['all of them where none has room', { maxConcurrency: 20 }, ''],
  ])('drops %s', (_, parameters, expected) => {
    expect(kept(parameters)).toBe(expected);
  });

  test('it is a list of counts that it needs', () => {
    const consumes = (parameters: Record<string, unknown>) =>
      concurrencyDetector.consumes?.(concurrencyDetector.parameters.parse(parameters));
    expect(consumes({})).toEqual([inflightLoad()]);
    expect(consumes({ inFlightLoadProducerName: 'mine' })).toEqual([inflightLoad('mine')]);
  });
});
