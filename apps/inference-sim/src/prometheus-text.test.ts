import { expect, test } from 'vitest';
import { Distribution, formatValue, sample } from './prometheus-text.ts';

test.each([
  [0, '0.0'],
  [1, '1.0'],
  [0.25, '0.25'],
  [-3, '-3.0'],
  [123456, '123456.0'],
  [1234567, '1.234567e+06'],
  [1e6, '1e+06'],
  [1795243388.5025449, '1.7952433885025449e+09'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [NaN, 'NaN'],
])('%d is written as %s', (value, text) => {
  expect(formatValue(value)).toBe(text);
});

test('label values are escaped', () => {
  expect(sample('a', { x: 'q"\\\n' }, 1)).toBe('a{x="q\\"\\\\\\n"} 1.0\n');
  expect(sample('a', {}, 2)).toBe('a 2.0\n');
});

test('a distribution counts upwards and puts le where sorting puts it', () => {
  const distribution = new Distribution([0.5, 2]);
  for (const value of [0.5, 1, 3]) distribution.observe(value);
  expect(distribution.expose('h', { engine: '0', model_name: 'm' })).toBe(
    [
      'h_bucket{engine="0",le="0.5",model_name="m"} 1.0',
      'h_bucket{engine="0",le="2.0",model_name="m"} 2.0',
      'h_bucket{engine="0",le="+Inf",model_name="m"} 3.0',
      'h_count{engine="0",model_name="m"} 3.0',
      'h_sum{engine="0",model_name="m"} 4.5',
      '',
    ].join('\n'),
  );
});
