import { expect, test } from 'vitest';
import { deprecatedHelp, withLegacyTwin } from './legacy-twin.ts';
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
  expect(text).toContain('request_duration_seconds_bucket{model="m",le="1"} 1');
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

test('a removed series begins anew when whoever holds it writes again', async () => {
  const metrics = createPrometheusMetrics();
  const gauge = metrics.gauge(running, { model: 'm' });
  gauge.add(5);
  metrics.remove(running, { model: 'm' });
  gauge.add(1);
  expect(await metrics.expose()).toContain('requests_running{model="m"} 1\n');
});

test('a removed series does not disturb its successor', async () => {
  const metrics = createPrometheusMetrics();
  const before = metrics.gauge(running, { model: 'm' });
  metrics.remove(running, { model: 'm' });
  metrics.gauge(running, { model: 'm' }).set(7);
  before.set(1);
  expect(await metrics.expose()).toContain('requests_running{model="m"} 7\n');
});

test('asking twice gives the same series', async () => {
  const metrics = createPrometheusMetrics();
  metrics.counter(requests, { model: 'm' }).inc();
  metrics.counter(requests, { model: 'm' }).inc(2);
  expect(await metrics.expose()).toContain('requests_total{model="m"} 3\n');
});

test('text is Prometheus’ format, byte for byte as Go’s client writes it', async () => {
  const metrics = createPrometheusMetrics();
  const sizes = defineHistogram('size_bytes', 'A \\ and a\nbreak.', [0.5, 1048576], ['b', 'a']);
  metrics.histogram(sizes, { b: 'say "x"', a: 'line\nbreak' }).observe(1048576);
  expect(await metrics.expose()).toBe(
    [
      '# HELP size_bytes A \\\\ and a\\nbreak.',
      '# TYPE size_bytes histogram',
      'size_bytes_bucket{a="line\\nbreak",b="say \\"x\\"",le="0.5"} 0',
      'size_bytes_bucket{a="line\\nbreak",b="say \\"x\\"",le="1.048576e+06"} 1',
      'size_bytes_bucket{a="line\\nbreak",b="say \\"x\\"",le="+Inf"} 1',
      'size_bytes_sum{a="line\\nbreak",b="say \\"x\\""} 1.048576e+06',
      'size_bytes_count{a="line\\nbreak",b="say \\"x\\""} 1',
      '',
    ].join('\n'),
  );
});

test.each([
  [0, 'le="1"} 1'],
  [1, 'le="1"} 1'],
  [1.5, 'le="1"} 0'],
  [2, 'le="2"} 1'],
  [2.5, 'le="2"} 0'],
  [2.5, 'le="+Inf"} 1'],
  [Number.NaN, 'le="+Inf"} 1'],
])(
  'an observation of %d counts from the first bound on that is not below it: %s',
  async (value, line) => {
    const metrics = createPrometheusMetrics();
    metrics.histogram(defineHistogram('h', 'H.', [1, 2]), {}).observe(value);
    expect(await metrics.expose()).toContain(line);
  },
);

const flowLabels = ['model', 'flow', 'priority'] as const;
const total = withLegacyTwin(defineCounter('new_total', '[ALPHA] Requests.', flowLabels), {
  name: 'old_total',
  help: deprecatedHelp('new_total', 'Requests.'),
  labels: { model_name: 'model', priority: 'priority' },
});
const latency = withLegacyTwin(
  defineHistogram('new_seconds', '[ALPHA] Time.', [1, 2], flowLabels),
  {
    name: 'old_seconds',
    help: deprecatedHelp('new_seconds', 'Time.'),
    labels: { model_name: 'model' },
  },
);
const perPod = withLegacyTwin(defineGauge('new_gauge', '[ALPHA] Queue.', ['endpoint']), {
  name: 'old_gauge',
  help: deprecatedHelp('new_gauge', 'Queue.'),
  labels: { pod: 'endpoint' },
});

const observed = (legacyNames: boolean) => {
  const metrics = createPrometheusMetrics({ legacyNames });
  for (const flow of ['a', 'b']) {
    const labels = { model: 'm', flow, priority: '0' };
    metrics.counter(total, labels).inc();
    metrics.histogram(latency, labels).observe(0.5);
  }
  metrics.histogram(latency, { model: 'm', flow: 'b', priority: '1' }).observe(3);
  metrics.gauge(perPod, { endpoint: 'pod-1' }).set(4);
  return metrics.expose();
};

test('former names show the same observations, summed over labels they do not have', async () => {
  const text = await observed(true);
  expect(text.slice(text.indexOf('# HELP old_')))
    .toBe(`# HELP old_gauge [ALPHA] [Deprecated: Use new_gauge] Queue.
# TYPE old_gauge gauge
old_gauge{pod="pod-1"} 4
# HELP old_seconds [ALPHA] [Deprecated: Use new_seconds] Time.
# TYPE old_seconds histogram
old_seconds_bucket{model_name="m",le="1"} 2
old_seconds_bucket{model_name="m",le="2"} 2
old_seconds_bucket{model_name="m",le="+Inf"} 3
old_seconds_sum{model_name="m"} 4
old_seconds_count{model_name="m"} 3
# HELP old_total [ALPHA] [Deprecated: Use new_total] Requests.
# TYPE old_total counter
old_total{model_name="m",priority="0"} 2
`);
});

test('former names can be left out', async () => {
  expect(await observed(false)).not.toContain('old_');
});

test('a former name cannot be a current one', () => {
  const taken = defineCounter('old_total', 'Taken.');
  expect(() => createPrometheusMetrics({ definitions: [total, taken] })).toThrow(
    expect.objectContaining({ code: 'DUPLICATE_METRIC', metric: 'old_total' }),
  );
});

test('label values beyond their limit become other, over all metrics together', async () => {
  const metrics = createPrometheusMetrics({
    labelLimits: [{ labels: ['model', 'target'], limit: 2 }],
  });
  const rewrites = defineCounter('rewrites_total', 'Rewrites.', ['target', 'free']);
  metrics.counter(requests, { model: 'a' }).inc();
  metrics.counter(rewrites, { target: 'b', free: '1' }).inc();
  metrics.counter(requests, { model: 'c' }).inc();
  metrics.counter(rewrites, { target: 'd', free: '2' }).inc();
  metrics.counter(requests, { model: 'b' }).inc();
  const text = await metrics.expose();
  expect(text.match(/^\w+\{.*$/gm)).toEqual([
    'requests_total{model="a"} 1',
    'requests_total{model="other"} 1',
    'requests_total{model="b"} 1',
    'rewrites_total{free="1",target="b"} 1',
    'rewrites_total{free="2",target="other"} 1',
  ]);
});
