import { expect, test } from 'vitest';
import { readTracingEnvironment } from './tracing-environment.ts';

const read = (environment: Record<string, string | undefined>) =>
  readTracingEnvironment(environment, { serviceName: 'llm-d-epp' });

test('defaults are llm-d’s', () => {
  expect(read({})).toEqual({
    settings: {
      serviceName: 'llm-d-epp',
      exporter: 'otlp',
      endpoint: 'http://localhost:4317',
      headers: {},
      exportTimeoutMs: 10_000,
      samplingRatio: 0.1,
      resourceAttributes: {},
    },
    warnings: [],
  });
});

test('everything can be said', () => {
  expect(
    read({
      OTEL_SERVICE_NAME: 'epp-a',
      OTEL_RESOURCE_ATTRIBUTES:
        'service.name=ignored,k8s.namespace.name=prod, team = a%20b ,broken',
      OTEL_TRACES_EXPORTER: 'console',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector:4317/',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x',
      OTEL_EXPORTER_OTLP_TIMEOUT: '2500',
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.5',
    }),
  ).toEqual({
    settings: {
      serviceName: 'epp-a',
      exporter: 'console',
      endpoint: 'https://collector:4317',
      headers: { authorization: 'Bearer x' },
      exportTimeoutMs: 2500,
      samplingRatio: 0.5,
      resourceAttributes: { 'k8s.namespace.name': 'prod', team: 'a b' },
    },
    warnings: [],
  });
});

test('what is said of traces goes before what is said of all signals', () => {
  const { settings } = read({
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:4317',
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:4317',
  });
  expect(settings.endpoint).toBe('http://traces:4317');
});

test('the resource may name the service, and empty variables say nothing', () => {
  const { settings } = read({
    OTEL_SERVICE_NAME: '',
    OTEL_RESOURCE_ATTRIBUTES: 'service.name=from-resource',
  });
  expect(settings.serviceName).toBe('from-resource');
});

test.each([
  ['OTEL_TRACES_EXPORTER', 'jaeger', { exporter: 'otlp' }],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'unix:///run/otel', { endpoint: 'http://localhost:4317' }],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon', { exportTimeoutMs: 10_000 }],
  ['OTEL_TRACES_SAMPLER', 'always_on', { samplingRatio: 0.1 }],
  ['OTEL_TRACES_SAMPLER_ARG', '7', { samplingRatio: 0.1 }],
  ['OTEL_TRACES_SAMPLER_ARG', 'half', { samplingRatio: 0.1 }],
])('%s=%s is warned of and has no effect', (name, value, expected) => {
  const { settings, warnings } = read({ [name]: value });
  expect(settings).toMatchObject(expected);
  expect(warnings).toEqual([expect.stringContaining(`${name}: "${value}"`)]);
});

test.each([
  ['collector:4317', 'http://collector:4317'],
  ['http://[::1]:4317', 'http://[::1]:4317'],
  ['HTTP://Collector:4317/v1/traces', 'http://collector:4317'],
])('the endpoint %s is %s', (text, endpoint) => {
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: text }).settings.endpoint).toBe(endpoint);
});
