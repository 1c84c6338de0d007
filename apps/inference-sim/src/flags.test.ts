import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { FlagError, createCommand, optionsFromFlags } from './flags.ts';

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

  test.each([
    [['--port', '70000'], 'from 0 to 65535'],
    [['--port', ''], 'from 0 to 65535'],
    [['--replicas', '0'], 'a whole number from 1'],
    [['--max-num-seqs', '1.5'], 'a whole number from 1'],
    [['--mode', 'sing'], 'Allowed choices are random, echo'],
    [['--failure-types', 'flood'], 'Known types: rate_limit'],
    [['--lora-modules', 'a'], 'NAME=PATH'],
    [['--lora-modules', '{"name":1}'], 'NAME=PATH'],
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
  ])('%j makes no sense', (args, message) => {
    expect(() => parse(...args)).toThrow(FlagError);
    expect(() => parse(...args)).toThrow(message);
  });
});
