import { expect, test } from 'vitest';
import { defineCounter, defineGauge, defineHistogram } from './metrics.ts';
import { createPrometheusMetrics } from './prometheus.ts';

const requests = defineCounter('requests_total', 'Requests seen.', ['model']);
const running = defineGauge('requests_running', 'Requests in flight.', ['model']);
const duration = defineHistogram(
  'request_duration_seconds',
  'Time per request.',
  [0.1, 1],
  ['model'],
);

test('counters, gauges and histograms show up in the exposition', async () => {
  const metrics = createPrometheusMetrics();
  metrics.counter(requests, { model: 'm' }).inc();
  metrics.gauge(running, { model: 'm' }).add(2);
  metrics.histogram(duration, { model: 'm' }).observe(0.5);
  const text = await metrics.expose();
  expect(text).toContain('# HELP requests_total Requests seen.');
  expect(text).toContain('requests_total{model="m"} 1');
  expect(text).toContain('requests_running{model="m"} 2');
  expect(text).toContain('request_duration_seconds_bucket{le="1",model="m"} 1');
});

test('a declared metric is described before its first value', async () => {
  const metrics = createPrometheusMetrics({ definitions: [requests] });
  expect(await metrics.expose()).toContain('# TYPE requests_total counter');
});

test('a removed series is gone', async () => {
  const metrics = createPrometheusMetrics();
  metrics.gauge(running, { model: 'm' }).set(1);
  metrics.remove(running, { model: 'm' });
  expect(await metrics.expose()).not.toContain('requests_running{');
});

test('one name cannot have two meanings', () => {
  const metrics = createPrometheusMetrics({ definitions: [requests] });
  const other = defineGauge('requests_total', 'Something else.', ['model']);
  expect(() => metrics.gauge(other, { model: 'm' })).toThrow(/requests_total is defined twice/);
});
