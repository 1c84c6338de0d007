import { defaultLatencyPredictorSettings } from '@llm-d/endpoint-picker';
import { expect, test } from 'vitest';
import { eppFlags } from './flags/epp-flags.ts';
import { readCommand, type EppOptions } from './options.ts';

const optionsOf = (...args: string[]): EppOptions => {
  const command = readCommand(args);
  if (command.kind !== 'run') throw new Error('the command line asks for something else');
  return command.options;
};

test('where the latency predictor is comes from llm-d’s variables', () => {
  const command = readCommand([], { TRAINING_SERVER_URL: 'http://predictor:9000' });
  expect(command).toMatchObject({
    options: { latencyPredictor: { trainingUrl: 'http://predictor:9000', maxBulkSize: 100 } },
  });
  expect(() => readCommand([], { LATENCY_MAX_SAMPLE_SIZE: 'many' })).toThrow(
    'LATENCY_MAX_SAMPLE_SIZE="many"',
  );
});

test('defaults are llm-d’s', () => {
  expect(optionsOf()).toEqual({
    host: undefined,
    grpcPort: 9002,
    healthPort: 9003,
    adminPort: 9090,
    healthOnGrpcPort: false,
    drainTimeoutMs: 30_000,
    secure: true,
    certPath: undefined,
    reloadsCert: false,
    tlsPolicy: {},
    maxReceiveBytes: 4 * 2 ** 20,
    grpcTransport: 'http2',
    measuresStreams: false,
    configFile: undefined,
    configText: undefined,
    reloadsConfig: true,
    allowExperimentalPlugins: false,
    kubernetes: undefined,
    guardsMetrics: false,
    metricsCertPath: undefined,
    metricsClientCaFile: undefined,
    honoursSubset: true,
    emitEndpointScores: false,
    destinationFallbacks: false,
    maxBodyBytes: 32 * 2 ** 20,
    responseProcessing: 'full',
    errorFormat: 'text',
    repeatsHeaders: false,
    forwardsTransferParams: false,
    scrapeIntervalMs: 50,
    poolGaugesIntervalMs: 5000,
    decisionLogCapacity: 1000,
    latencyPredictor: defaultLatencyPredictorSettings,
    logLevel: 'info',
    legacyMetrics: true,
    tracing: {
      serviceName: 'llm-d-epp',
      exporter: 'otlp',
      endpoint: 'http://localhost:4317',
      headers: {},
      exportTimeoutMs: 10_000,
      samplingRatio: 0.1,
      resourceAttributes: {},
    },
    notes: [],
  });
});

test('every flag of llm-d is known', () => {
  const flags = `grpc-port grpc-health-port metrics-port pool-name pool-namespace pool-group endpoint-selector
    endpoint-target-ports config-file config-text allow-experimental-plugins refresh-metrics-interval
    refresh-prometheus-metrics-interval metrics-staleness-threshold disable-endpoint-subset-filter
    emit-endpoint-scores ha-enable-leader-election drain-timeout secure-serving cert-path enable-cert-reload
    tls-min-version tls-cipher-suites health-checking grpc-max-recv-msg-size grpc-max-send-msg-size
    enable-grpc-stream-metrics metrics-endpoint-auth metrics-cert-dir metrics-client-ca-file enable-pprof tracing v
    zap-encoder zap-log-level zap-devel zap-stacktrace-level zap-time-encoding total-queued-requests-metric
    total-running-requests-metric kv-cache-usage-percentage-metric lora-info-metric cache-info-metric`;
  expect(flags.split(/\s+/).filter((flag) => !Object.hasOwn(eppFlags, flag))).toEqual([]);
});

test('a command line as llm-d’s charts write it is understood', () => {
  expect(
    optionsOf(
      ...['--config-file', '/config/epp.yaml', '-v', '4', '--zap-encoder', 'json'],
      ...['--grpc-port=9102', '--grpc-health-port', '9103', '--metrics-endpoint-auth=false'],
      ...['--tracing=false', '--secure-serving=false', '--drain-timeout=0', '--health-checking'],
      ...['--disable-endpoint-subset-filter', '--tls-min-version=VersionTLS13'],
    ),
  ).toMatchObject({
    configFile: '/config/epp.yaml',
    logLevel: 'debug',
    grpcPort: 9102,
    healthPort: 9103,
    secure: false,
    drainTimeoutMs: 0,
    healthOnGrpcPort: true,
    honoursSubset: false,
    tlsPolicy: { minVersion: 'TLSv1.3' },
    notes: [],
  });
});

test.each([
  [['--zap-log-level=debug'], 'debug'],
  [['--zap-log-level=ERROR', '-v=5'], 'error'],
  [['--zap-log-level=panic'], 'silent'],
  [['--zap-log-level=5'], 'debug'],
  [['--zap-log-level=1', '-v=5'], 'info'],
  [['-v=3'], 'info'],
])('%j writes lines from %s on', (args, level) => {
  expect(optionsOf(...args).logLevel).toBe(level);
});

test('cipher suites may have the names that Go gives them', () => {
  const suites =
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256';
  expect(optionsOf(`--tls-cipher-suites=${suites}`).tlsPolicy.ciphers).toBe(
    'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305',
  );
});

test.each([
  [['--config-file=a', '--config-text=b'], '--config-file and --config-text exclude each other'],
  [['--enable-cert-reload'], '--enable-cert-reload needs --cert-path'],
  [['--enable-cert-reload', '--cert-path=/c', '--grpc-transport=grpc-js'], 'grpc-js cannot change'],
  [['--tls-min-version=1.1'], 'expected 1.2 or 1.3'],
  [['--tls-cipher-suites=TLS_NULL'], 'no such suite'],
  [['--zap-log-level=loud'], 'expected debug, info, error, panic or a number'],
  [['--total-queued-requests-metric=x'], 'moved to the core-metrics-extractor'],
  [['--refresh-metrics-interval=10ms'], 'expected at least 50 ms'],
  [['--endpoint-target-ports=0'], 'expected a whole number from 1 to 65535'],
])('%j is refused: %s', (args, message) => {
  expect(() => readCommand(args)).toThrow(message);
});

test('the environment says where traces go, and what it says in vain is noted', () => {
  const environment = {
    OTEL_SERVICE_NAME: 'my-epp',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4317',
    OTEL_TRACES_SAMPLER: 'always_on',
  };
  const command = readCommand([], environment);
  expect(command.kind === 'run' && command.options).toMatchObject({
    tracing: { serviceName: 'my-epp', endpoint: 'http://collector:4317', samplingRatio: 0.1 },
    notes: [expect.stringContaining('OTEL_TRACES_SAMPLER')],
  });
});

test('--tracing=false makes no traces, --legacy-metrics=false shows no former names', () => {
  expect(optionsOf('--tracing=false', '--legacy-metrics=false')).toMatchObject({
    tracing: undefined,
    legacyMetrics: false,
  });
});

test.each([['--help'], ['-h']])('%s says what flags there are', (arg) => {
  const command = readCommand([arg]);
  expect(command.kind === 'help' && command.text).toContain('--grpc-port');
});

test('--version asks for the version', () => {
  expect(readCommand(['--version'])).toEqual({ kind: 'version' });
});
