import { makeEndpoint } from '@llm-d/scheduler-core/testing';
import { expect, test } from 'vitest';
import { instantiate } from '../../producers/producing.testing.ts';
import { dcgmExtractor } from './dcgm-extractor.ts';

const a = makeEndpoint('a');
const extract = (text: string) =>
  instantiate(dcgmExtractor).extractor?.extract(a, Buffer.from(text));
const sample = (gpu: number, value: number, pod = '') =>
  `DCGM_FI_DEV_GPU_UTIL{gpu="${gpu}",modelName="H100"${pod && `,pod="${pod}"`}} ${value}\n`;

test.each([
  ['one GPU', sample(0, 40), 0.4],
  ['the busiest of several', sample(0, 40) + sample(1, 90) + sample(2, 0), 0.9],
  [
    'those of the pod where samples say whose they are',
    sample(0, 40, 'a') + sample(1, 90, 'b'),
    0.4,
  ],
  ['an idle one', `# HELP x\n# TYPE x gauge\n${sample(0, 0)}`, 0],
])('the utilization is that of %s', (_, text, expected) => {
  expect(extract(text)).toEqual({ GPUUtilization: expected });
});

test.each([
  ['nothing', 'other 1\n', 'there is no DCGM_FI_DEV_GPU_UTIL'],
  ['other pods only', sample(0, 40, 'b'), 'has no sample of the pod'],
])('an exposition of %s is an error', (_, text, message) => {
  expect(() => extract(text)).toThrow(message);
});
