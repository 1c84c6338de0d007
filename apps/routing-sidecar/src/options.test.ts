import { describe, expect, test } from 'vitest';
import { readCommand, type SidecarOptions } from './options.ts';
import { optionsOf } from './sidecar.testing.ts';

test('defaults are llm-d’s', () => {
  expect(optionsOf([])).toMatchObject({
    port: 8000,
    modelServerPort: 8200,
    dataParallelSize: 1,
    connector: 'nixlv2',
    settings: {
      sglangBootstrapPort: 8998,
      mooncakeBootstrapPort: 8998,
      p2pConnectorPort: 7777,
      pullsFromPeers: false,
    },
    samplesPrefillers: false,
    prefillMaxRetries: 0,
    prefillRetryBackoffMs: 200,
    tls: { certPath: undefined, policy: {} },
    prefillTransport: { tls: false, skipsVerify: false },
    decodeTransport: { tls: false, skipsVerify: false },
    allowed: undefined,
    metricsPort: undefined,
    tracing: undefined,
    logLevel: 'info',
    notes: [],
  });
});

test.each<[string[], Partial<SidecarOptions>]>([
  [['--vllm-port=9000'], { modelServerPort: 9000 }],
  [['--vllm-port=9000', '--model-server-port=9001'], { modelServerPort: 9001 }],
  [['--connector=sglang'], { connector: 'sglang' }],
  [['--connector=sglang', '--kv-connector=mooncake'], { connector: 'mooncake' }],
  [['--secure-proxy=false'], { tls: undefined }],
  [['--prefiller-use-tls'], { prefillTransport: { tls: true, skipsVerify: false } }],
  [
    ['--enable-tls=decoder', '--decoder-tls-insecure-skip-verify'],
    { decodeTransport: { tls: true, skipsVerify: true } },
  ],
  [['-v=6'], { logLevel: 'debug' }],
  [['--zap-log-level=error'], { logLevel: 'error' }],
  [['--prefill-failure=local-prefill'], { prefillFailure: 'local-prefill' }],
  [['--enable-prefiller-sampling'], { samplesPrefillers: true }],
])('%j', (args, expected) => {
  expect(optionsOf(args)).toMatchObject(expected);
});

test('former names are told of', () => {
  expect(optionsOf(['--connector=nixlv2', '--vllm-port=1']).notes).toEqual([
    '--vllm-port is deprecated: use --model-server-port',
    '--connector is deprecated: use --kv-connector',
  ]);
});

describe('the environment', () => {
  test('stands in for flags', () => {
    const environment = {
      SGLANG_BOOTSTRAP_PORT: '1',
      MOONCAKE_BOOTSTRAP_PORT: '2',
      P2P_CONNECTOR_PORT: '3',
      ENABLE_PREFILLER_SAMPLING: 'true',
      POD_IP: '10.0.0.1',
      INFERENCE_POOL: 'prod/llama',
      KUBERNETES_SERVICE_HOST: '10.0.0.2',
      KUBERNETES_SERVICE_PORT: '443',
    };
    expect(optionsOf([], environment)).toMatchObject({
      settings: { sglangBootstrapPort: 1, mooncakeBootstrapPort: 2, p2pConnectorPort: 3 },
      samplesPrefillers: true,
      podIp: '10.0.0.1',
      allowed: {
        pool: {
          namespace: 'prod',
          name: 'llama',
          group: 'inference.networking.k8s.io',
          cluster: { kind: 'in-cluster', host: '10.0.0.2', port: '443' },
        },
      },
    });
    const args = [
      '--p2p-connector-port=9',
      '--enable-prefiller-sampling=false',
      '--inference-pool=x',
    ];
    expect(optionsOf(args, environment)).toMatchObject({
      settings: { p2pConnectorPort: 9 },
      samplesPrefillers: false,
      allowed: { pool: { namespace: 'default', name: 'x' } },
    });
  });

  test('of charts before the pool had one flag is understood', () => {
    const environment = { INFERENCE_POOL_NAMESPACE: 'prod', INFERENCE_POOL_NAME: 'llama' };
    expect(optionsOf([], environment).allowed?.pool).toMatchObject({
      namespace: 'prod',
      name: 'llama',
    });
  });
});

describe('a configuration', () => {
  const read = (args: string[], files: Record<string, string> = {}) =>
    readCommand(args, {
      readFile: (path) => {
        const text = files[path];
        if (text === undefined) throw new Error(`${path}: not there`);
        return text;
      },
    });

  test('has flags by their names, and the command line goes before', () => {
    const configuration = '{port: 8085, model-server-port: 8203, enable-tls: [prefiller, decoder]}';
    expect(
      read([`--configuration=${configuration}`, '--port=1', '--enable-tls=decoder']),
    ).toMatchObject({
      options: {
        port: 1,
        modelServerPort: 8203,
        prefillTransport: { tls: false },
        decodeTransport: { tls: true },
      },
    });
  });

  test('may be a file', () => {
    const files = { 'a.yaml': 'kv-connector: sglang\nprefill-retry-backoff: 1s\nvllm-port: 5\n' };
    expect(read(['--configuration-file=a.yaml'], files)).toMatchObject({
      options: { connector: 'sglang', prefillRetryBackoffMs: 1000, modelServerPort: 5 },
    });
    expect(read(['--configuration-file=a.yaml', '--vllm-port=6'], files)).toMatchObject({
      options: { modelServerPort: 6 },
    });
  });

  test.each([
    [['--configuration=[1]'], '--configuration: expected flags by their names'],
    [['--configuration={a: {b: 1}}'], '--configuration: a: expected a value or a list of values'],
    [['--configuration={no-such: 1}'], 'unknown flag: --no-such'],
    [['--configuration={'], '--configuration: '],
    [['--configuration={}', '--configuration-file=x'], 'exclude each other'],
    [['--configuration-file=x'], 'x: not there'],
  ])('%j is refused', (args, message) => {
    expect(() => read(args)).toThrow(message);
  });
});

test.each([
  [['--kv-connector=lmcache'], 'expected one of nixlv2, shared-storage'],
  [['--connector=lmcache'], 'LMCache is served by nixlv2 or shared-storage'],
  [['--ec-connector=ec-nixl'], '--ec-connector=ec-nixl: encoders are not supported'],
  [['--decode-chunk-size=16'], 'decoding in chunks is not supported'],
  [['--moriio-write-mode'], 'MoRI-IO is not supported'],
  [
    ['--kv-connector=sglang', '--prefill-failure=local-prefill'],
    'a decode server of sglang cannot compute prompts',
  ],
  [
    ['--kv-connector=sglang', '--enable-p2p-pull'],
    '--enable-p2p-pull is for --kv-connector=nixlv2',
  ],
  [['--enable-ssrf-protection'], 'needs --inference-pool or --allowed-targets'],
  [['--inference-pool=a/b/c'], 'expected namespace/name or name'],
  [['--inference-pool=/c'], 'expected namespace/name or name'],
  [['--inference-pool=a', '--pool-group=x'], 'only inference.networking.k8s.io is supported'],
  [['--allowed-targets=here'], 'expected host:port'],
  [['--enable-tls=client'], 'expected some of prefiller, decoder, encoder'],
  [['--zap-log-level=loud'], 'expected debug, info, error, panic or a number'],
])('%j is refused', (args, message) => {
  expect(() => optionsOf(args)).toThrow(message);
});

test('a variable that is no port is refused', () => {
  expect(() => optionsOf([], { SGLANG_BOOTSTRAP_PORT: 'x' })).toThrow(
    'invalid value "x" of the variable SGLANG_BOOTSTRAP_PORT',
  );
});

test('help and version are asked for', () => {
  expect(readCommand(['-h'])).toMatchObject({
    kind: 'help',
    text: expect.stringContaining('--kv-connector <nixlv2|') as string,
  });
  expect(readCommand(['--version'])).toEqual({ kind: 'version' });
});
