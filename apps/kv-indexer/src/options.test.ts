import { describe, expect, test } from 'vitest';
import { kvIndexerCommand, type KvIndexerOptions, type Variables } from './options.ts';

async function parse(args: readonly string[], environment: Variables = {}) {
  let got: KvIndexerOptions | undefined;
  const command = kvIndexerCommand('1.2.3', environment, (options) => {
    got = options;
    return Promise.resolve();
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync(args, { from: 'user' });
  return got;
}

test('without flags and variables', async () => {
  expect(await parse([])).toEqual({
    host: '0.0.0.0',
    httpPort: 8080,
    grpcPort: 50_051,
    nats: { servers: ['nats://127.0.0.1:4222'], stream: 'KV_EVENTS', subjectPrefix: 'kv.ev' },
    redisNamespace: 'kv',
    redisLeaseMs: 15_000,
    blockSizeTokens: 16,
    hashAlgorithm: 'cbor-fnv',
    hashSeed: '',
    snapshotIntervalMs: 60_000,
    takesSnapshots: true,
    renderTimeoutMs: 5000,
    maxBodyBytes: 33_554_432,
    drainTimeoutMs: 25_000,
    logLevel: 'info',
    legacyMetrics: true,
  });
});

test('secrets come from the environment, and flags go before variables', async () => {
  const environment = {
    NATS_URL: 'nats://a:1, nats://b:2',
    NATS_USER: 'me',
    NATS_PASSWORD: 'pw',
    NATS_TOKEN: '',
    REDIS_URL: 'redis://r',
    HASH_SEED: '42',
    RENDER_URL: 'http://render',
  };
  expect(
    await parse(['--redis-url=redis://s', '--snapshot-interval=1m30s'], environment),
  ).toMatchObject({
    nats: { servers: ['nats://a:1', 'nats://b:2'], user: 'me', password: 'pw' },
    ...{ redisUrl: 'redis://s', hashSeed: '42', renderUrl: 'http://render' },
    snapshotIntervalMs: 90_000,
  });
});

describe('what is refused', () => {
  test.each([
    [['--http-port=65536'], 'expected a whole number from 0 to 65535'],
    [['--block-size=0'], 'expected a whole number from 1'],
    [['--snapshot-interval=60'], 'expected a duration such as 60s'],
    [['--snapshot-interval=10ms'], 'at least 1000 ms'],
    [['--hash-algorithm=md5'], 'Allowed choices are cbor-fnv, xxh64'],
    [['--render-url=render:80'], 'is no http or https URL'],
    [['--unknown'], 'unknown option'],
    [['extra'], 'too many arguments'],
  ])('%j', async (args, message) => {
    await expect(parse(args)).rejects.toThrow(message);
  });
});
