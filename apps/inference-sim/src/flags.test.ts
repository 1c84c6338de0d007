import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { FlagError } from './flag-values.ts';
import { createCommand, optionsFromFlags } from './flags.ts';
import { defaultOptions } from './options.ts';

function parse(...args: string[]) {
  const command = createCommand('1.2.3').exitOverride();
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  return optionsFromFlags(command.parse(args, { from: 'user' }));
}

describe('flags', () => {
  test('need none: the default profile on the default port, for this machine only', () => {
    expect(parse()).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      replicas: 1,
      servedNames: [],
      loraEnabled: false,
      profile: { name: 'llama-3.1-8b-a100' },
      engine: { model: 'meta-llama/Llama-3.1-8B-Instruct', maxNumSeqs: 256, timeScale: 1 },
    });
  });

  test('replace what the profile says', () => {
    const args = [
      '--model',
      'm',
      '--max-num-seqs',
      '4',
      '--kv-cache-size',
      '77',
      '--block-size',
      '32',
    ];
    expect(
      parse(...args, '--max-model-len', '900', '--no-prefix-caching', '--echo').engine,
    ).toMatchObject({
      model: 'm',
      maxNumSeqs: 4,
      numGpuBlocks: 77,
      blockSizeTokens: 32,
      maxModelLen: 900,
      enablePrefixCaching: false,
      mode: 'echo',
    });
  });

  test('take adapters in both notations', () => {
    const options = parse('--lora-modules', 'a=/a', '--lora-modules', '{"name":"b","path":"/b"}');
    expect(options).toMatchObject({
      loraEnabled: true,
      loraModules: [
        { name: 'a', path: '/a' },
        { name: 'b', path: '/b' },
      ],
    });
  });

  test('stated latencies make a profile; the time scale covers them too', () => {
    const options = parse(
      '--time-to-first-token',
      '200',
      '--inter-token-latency',
      '20',
      '--time-scale',
      '2',
    );
    expect(options).toMatchObject({
      profile: { name: 'stated', step: { decodeBaseMs: 20 } },
      latency: { extraTtftMs: 100 },
    });
    expect(parse('--prefill-time-per-token', '0.5').profile.step.prefillTokensPerSecond).toBe(2000);
  });

  test('read several names and failure types', () => {
    const options = parse(
      '--served-model-name',
      'x',
      'y',
      '--failure-types',
      'rate_limit,server_error',
    );
    expect(options.servedNames).toEqual(['x', 'y']);
    expect(options.failures).toEqual({ rate: 0, types: ['rate_limit', 'server_error'] });
  });

  test('publish KV events as vLLM does', () => {
    const config = '{"enable_kv_cache_events":true,"endpoint":"tcp://*:7000"}';
    expect(parse('--kv-events-config', config).kvEvents).toMatchObject({
      ...{ endpoint: 'tcp://*:7000', replayEndpoint: undefined, maxEventsPerBatch: Infinity },
      encoding: { form: 'map', dialect: 'vllm' },
    });
    expect(parse('--kv-events-config', '{}').kvEvents).toBeUndefined();
    expect(parse().kvEvents).toBeUndefined();
  });

  test('publish KV events as llm-d-inference-sim does', () => {
    expect(parse('--enable-kvcache').kvEvents).toMatchObject({
      ...{ endpoint: 'tcp://127.0.0.1:5557', replayEndpoint: undefined },
      ...{ bufferSteps: 1024, maxEventsPerBatch: 16, encoding: { form: 'array' } },
    });
    const args = [
      ...['--enable-kvcache', 'true', '--zmq-endpoint', 'tcp://*:1', '--event-batch-size', '2'],
      ...['--use-vllm-map-event-format', '--kv-events-replay-endpoint', 'tcp://*:9'],
      ...['--kv-events-replay-queue-size', '5', '--kv-events-replay-layout', 'legacy'],
    ];
    expect(parse(...args).kvEvents).toMatchObject({
      ...{ endpoint: 'tcp://*:1', replayEndpoint: 'tcp://*:9', bufferSteps: 5 },
      ...{ maxEventsPerBatch: 2, encoding: { form: 'map' }, replayLayout: 'legacy' },
    });
    expect(parse('--enable-kvcache', 'false', '--event-batch-size', '2').kvEvents).toBeUndefined();
  });

  test('make events go wrong', () => {
    const args = [
      ...['--enable-kvcache', '--kv-events-drop-rate', '10', '--kv-events-truncate', '20'],
      ...['--kv-events-replay-truncate', '3', '--kv-events-dialect', 'sglang'],
    ];
    expect(parse(...args).kvEvents).toMatchObject({
      faults: { dropPercent: 10, truncatePercent: 20, replayLimit: 3 },
      encoding: { dialect: 'sglang' },
    });
  });

  test('add caches, seeds and ranks', () => {
    expect(parse()).toMatchObject({ dataParallelSize: 1, offload: defaultOptions.offload });
    const args = [
      ...['--cpu-cache-size', '9', '--shared-kv-storage', '--self-describing-kv-events'],
      ...['--kv-bytes-per-token', '1000', '--hash-seed', '7', '--data-parallel-size', '2'],
    ];
    expect(parse(...args)).toMatchObject({
      dataParallelSize: 2,
      engine: { hashSeed: '7' },
      offload: {
        ...{ cpuBlocks: 9, sharedMedium: 'SHARED_STORAGE' },
        ...{ selfDescribingEvents: true, kvBytesPerToken: 1000 },
      },
    });
    expect(parse('--shared-kv-storage', 'FS').offload.sharedMedium).toBe('FS');
  });

  test.each([
    [['--port', '70000'], 'from 0 to 65535'],
    [['--port', ''], 'from 0 to 65535'],
    [['--replicas', '0'], 'a whole number from 1'],
    [['--max-num-seqs', '1.5'], 'a whole number from 1'],
    [['--mode', 'sing'], 'Allowed choices are random, echo'],
    [['--failure-types', 'flood'], 'Known types: rate_limit'],
    [['--lora-modules', 'a'], 'NAME=PATH'],
    [['--lora-modules', '{"name":1}'], 'NAME=PATH'],
    [['--kv-events-config', '{"endpoint_":1}'], 'Unrecognized key: "endpoint_"'],
    [['--kv-events-config', 'x'], 'it must be a JSON object'],
    [['--zmq-endpoint', 'localhost:1'], 'It must begin with tcp://'],
    [['--enable-kvcache', 'yes'], 'It must be true or false'],
    [['--kv-events-drop-rate', '101'], 'from 0 to 100'],
    [['--kv-events-replay-layout', 'new'], 'Allowed choices are vllm, legacy'],
    [['--data-parallel-size', '0'], 'a whole number from 1'],
    [['--unknown'], "unknown option '--unknown'"],
    [['extra'], 'too many arguments'],
  ])('%j is refused', (args, message) => {
    expect(() => parse(...args)).toThrow(CommanderError);
    expect(() => parse(...args)).toThrow(message);
  });

  test.each([
    [['--profile', 'nothing'], 'neither a readable file nor one of llama-3.1-70b-tp2-h100'],
    [['--profile', 'llama-3.1-8b-a100', '--inter-token-latency', '1'], 'cannot be combined'],
    [
      ['--max-num-batched-tokens', '8'],
      '--max-num-batched-tokens (8) must be at least --max-num-seqs (256)',
    ],
    [['--port', '65535', '--replicas', '2'], 'leaves no room'],
    [['--port', '65534', '--data-parallel-size', '3'], 'leaves no room'],
    [
      ['--kv-events-config', '{"enable_kv_cache_events":true}', '--enable-kvcache'],
      'cannot be combined',
    ],
    [
      [
        ...['--data-parallel-size', '2', '--kv-events-config'],
        '{"enable_kv_cache_events":true,"endpoint":"tcp://*:5557","replay_endpoint":"tcp://*:5558"}',
      ],
      'KV event ports from 5557 and replay ports from 5558 overlap for 2 engines',
    ],
    [
      ['--replicas', '2', '--enable-kvcache', '--kv-events-replay-endpoint', 'tcp://*:65535'],
      'KV event port 65535 leaves no room for 2 engines',
    ],
  ])('%j makes no sense', (args, message) => {
    expect(() => parse(...args)).toThrow(FlagError);
    expect(() => parse(...args)).toThrow(message);
  });
});
