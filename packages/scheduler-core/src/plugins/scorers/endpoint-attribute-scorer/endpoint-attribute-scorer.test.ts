import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { endpointAttributeScorer } from './endpoint-attribute-scorer.ts';

const heat = (value: number) => makeEndpoint('a').metric({ custom: { heat: value } });
const lower = { type: 'linear_lower_is_better' };
const higher = { type: 'linear_higher_is_better' };
const fixed = { normalization: { fixedRange: { min: 10, max: 30 } } };

test.each([
  ['lower is better over the candidates', lower, [40, 20, 30], [0, 1, 0.5]],
  ['higher is better over the candidates', higher, [40, 20, 30], [1, 0, 0.5]],
  ['all alike', lower, [7, 7], [1, 1]],
  ['lower is better over a fixed range', { ...lower, ...fixed }, [10, 25, 99], [1, 0.25, 0]],
  ['higher is better over a fixed range', { ...higher, ...fixed }, [10, 25, 99], [0, 0.75, 1]],
  ['an adaptive range by name', { ...lower, normalization: { adaptiveRange: {} } }, [1, 3], [1, 0]],
])('a scalar: %s', (_name, algorithm, values, expected) => {
  const { scorer } = makePlugin(endpointAttributeScorer, { attributeKey: 'heat', algorithm });
  const candidates = [...values.map(heat), makeEndpoint('x')];
  expect(Array.from(scorer?.score(makeCycle(), candidates) ?? [])).toEqual([...expected, 0]);
});

test.each([
  [{ algorithm: lower }],
  [{ attributeKey: 'heat' }],
  [{ attributeKey: 'heat', algorithm: { type: 'quadratic' } }],
  [
    {
      attributeKey: 'heat',
      algorithm: { ...lower, normalization: { fixedRange: { min: 3, max: 3 } } },
    },
  ],
  [
    {
      attributeKey: 'heat',
      algorithm: { ...lower, normalization: { ...fixed.normalization, adaptiveRange: {} } },
    },
  ],
])('the attribute scorer refuses %j', (parameters) => {
  expect(endpointAttributeScorer.parameters.safeParse(parameters).success).toBe(false);
});
