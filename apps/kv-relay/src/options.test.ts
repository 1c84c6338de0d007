import { describe, expect, test } from 'vitest';
import { relayCommand, type Environment, type RelayOptions } from './options.ts';

/** What a command line means, or the error that it ends with. */
async function optionsOf(args: readonly string[], environment: Environment = {}) {
  let options: RelayOptions | undefined;
  const command = relayCommand('1', environment, (given) => {
    options = given;
    return Promise.resolve();
  });
  command.exitOverride().configureOutput({ writeErr: () => undefined });
  await command.parseAsync(args, { from: 'user' });
  return options;
}

describe('the command line', () => {
  test('without more than a file means the defaults', async () => {
    expect(await optionsOf(['--endpoints', 'e.yaml'])).toEqual({
      nats: { servers: ['nats://127.0.0.1:4222'] },
      engines: { kind: 'file', path: 'e.yaml' },
      ports: { socketPort: 5557, replayPort: undefined, dpSize: 1 },
      topicFilter: 'kv@',
      shard: { index: 0, count: 1 },
      drainTimeoutMs: 10_000,
      ...{ host: '::', adminPort: 9090, logLevel: 'info' },
    });
  });

  test('says where the engines of a cluster are', async () => {
    const args = ['--kube-label-selector', 'app=vllm', '--shard', '1/3', '--topic-filter', ''];
    const cluster = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    const options = await optionsOf(args, { ...cluster, NAMESPACE: 'prod' });
    expect(options).toMatchObject({
      engines: {
        kind: 'kubernetes',
        cluster: { kind: 'in-cluster', host: '10.0.0.1', port: '443' },
        ...{ namespace: 'prod', labelSelector: 'app=vllm', servingPort: 8000 },
      },
      ...{ shard: { index: 1, count: 3 }, topicFilter: '' },
    });
  });

  test('flags come before the environment', async () => {
    const environment = { NATS_URL: 'a:1, b:2', LOG_LEVEL: 'debug', NATS_TOKEN: 't' };
    const some = await optionsOf(['--endpoints', 'e'], environment);
    expect(some?.nats).toMatchObject({ servers: ['a:1', 'b:2'], token: 't' });
    const flags = ['--endpoints', 'e', '--nats', 'nats://c:3', '--log-level', 'warn'];
    const others = await optionsOf(flags, environment);
    expect([others?.nats.servers, others?.logLevel]).toEqual([['nats://c:3'], 'warn']);
  });

  const file = ['--endpoints', 'e'];
  test.each([
    [[], /one of --endpoints and --kube-label-selector/],
    [[...file, '--kube-label-selector', 'a=b'], /cannot be used with/],
    [['--kube-label-selector', 'a in (b)'], /expected labels such as/],
    [[...file, '--shard', '2/2'], /which of how many/],
    [[...file, '--dp-size', '0'], /from 1 to 1024/],
    [[...file, '--replay-port', '5560', '--dp-size', '4'], /ranks would share a port/],
    [[...file, '--nats-storage', 'tape'], /file, memory/],
    [[...file, 'extra'], /too many arguments/],
  ])('%j is refused by name', async (args, message) => {
    await expect(optionsOf(args)).rejects.toThrow(message);
  });
});
