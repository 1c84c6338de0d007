import { expect, test } from 'vitest';
import { MetricSpecError, parseMetricSpec } from './metric-spec.ts';

test.each([
  ['vllm:num_requests_waiting', 'vllm:num_requests_waiting', {}],
  ['m{request_type=waiting}', 'm', { request_type: 'waiting' }],
  ['m{ a = "x" , b=y }', 'm', { a: 'x', b: 'y' }],
  ['m{}', 'm', {}],
])('%s is read', (text, name, labels) => {
  expect(parseMetricSpec(text)).toEqual({ name, labels });
});

test.each([[''], ['1abc'], ['m{a}'], ['m{a=b'], ['m{=b}'], ['m n']])('%j is refused', (text) => {
  expect(() => parseMetricSpec(text)).toThrow(MetricSpecError);
});
