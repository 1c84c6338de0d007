import { expect, test } from 'vitest';
import { parseMetricsPage } from './metrics-page.ts';

const page = parseMetricsPage(`# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{model="a",status="ok"} 3
requests_total{model="b"} 4 1700000000
# TYPE seconds histogram
seconds_bucket{le="+Inf"} 2
seconds_sum 1.5e-3
seconds_count 2
not a series
`);

test('names are those of series and of what is announced', () => {
  expect([...page.names]).toEqual([
    'requests_total',
    'seconds',
    'seconds_bucket',
    'seconds_sum',
    'seconds_count',
  ]);
});

test.each([
  ['requests_total', undefined, 7],
  ['requests_total', { model: 'a' }, 3],
  ['requests_total', { model: 'c' }, undefined],
  ['seconds_sum', undefined, 0.0015],
  ['seconds', undefined, undefined],
])('the sum of %s with %j is %s', (name, labels, sum) => {
  expect(page.sum(name, labels)).toBe(sum);
});
