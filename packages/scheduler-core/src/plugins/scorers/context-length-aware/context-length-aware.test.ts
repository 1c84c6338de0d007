import { describe, expect, test } from 'vitest';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { contextLengthAware } from './context-length-aware.ts';
import { parseContextRange } from './context-range.ts';

const LABEL = 'llm-d.ai/context-length-range';
const cycleOf = (tokens: number) =>
  makeCycle({
    attributes: [[tokenizedPrompt(), { ids: new Uint32Array(tokens), estimated: true }]],
  });
const labelled = (range: string) => makeEndpoint('a').label(LABEL, range);

describe('the context length score', () => {
  const { scorer } = makePlugin(contextLengthAware);

  test.each([
    // 0.3 + 0.7 · (0.7 / 2 + 0.3 · (10000 − tokens) / 10000)
    ['0-10000', 0, 0.755],
    ['0-10000', 5000, 0.65],
    ['0-10000', 10_000, 0.545],
    ['100-100', 100, 1],
    ['0-1000', 2000, 0.15],
    ['3000-4000', 2000, 0.15],
    ['far', 10, 0],
    ['9-1', 5, 0],
  ])('of the range %s for %d tokens is %d', (range, tokens, expected) => {
    const [score] = Array.from(scorer?.score(cycleOf(tokens), [labelled(range)]) ?? []);
    expect(score).toBeCloseTo(expected, 12);
  });

  test('is neutral without the label', () => {
    expect(scorer?.score(cycleOf(10), [makeEndpoint('a')])).toEqual(Float64Array.of(0.5));
  });

  test('takes a request that is not tokenized for an empty one', () => {
    expect(scorer?.score(makeCycle(), [labelled('0-0')])).toEqual(Float64Array.of(1));
  });
});

describe('the context length filter', () => {
  const candidates = [labelled('0-99'), labelled('100-200'), labelled('far'), makeEndpoint('x')];
  const kept = (tokens: number, parameters: Record<string, unknown> = {}) =>
    makePlugin(contextLengthAware, { enableFiltering: true, ...parameters }).filter?.filter(
      cycleOf(tokens),
      candidates,
    );

  test('keeps ranges that contain the prompt, and endpoints without one', () => {
    expect(kept(100)).toEqual([candidates[1], candidates[3]]);
    expect(kept(201)).toEqual([candidates[3]]);
  });

  test('reads the label it is told', () => {
    expect(kept(100, { label: 'another' })).toBe(candidates);
  });

  test('is off by default', () => {
    const { filter } = makePlugin(contextLengthAware);
    expect(filter?.filter(cycleOf(100), candidates)).toBe(candidates);
  });
});

test.each([
  ['0-2048', { min: 0, max: 2048 }],
  [' 5 - 6 ', { min: 5, max: 6 }],
  ['', undefined],
  ['5', undefined],
  ['1-2-3', undefined],
  ['-1-5', undefined],
  ['2-1', undefined],
])('the range %j is read as %j', (text, expected) => {
  expect(parseContextRange(text)).toEqual(expected);
});
