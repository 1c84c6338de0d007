import { describe, expect, test } from 'vitest';
import { configMaps } from '../built-in-types.ts';
import {
  KubeApiError,
  KubeProtocolError,
  KubeTimeoutError,
  KubeUnreachableError,
} from '../errors.ts';
import { collected, configMap, virtualCluster } from '../virtual-cluster.testing.ts';

const key = { name: 'a', namespace: 'default' };

describe('a refusal', () => {
  test('is an error with the status, the reason and what the server said', async () => {
    const { client } = virtualCluster();
    const error = await client.get(configMaps, key).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KubeApiError);
    expect(error).toMatchObject({
      code: 'KUBE_API',
      status: 404,
      reason: 'NotFound',
      request: 'GET /api/v1/namespaces/default/configmaps/a',
    });
  });

  test('that asks to come back later is obeyed, and not a moment earlier', async () => {
    const { client, server, pass } = virtualCluster();
    server.put(configMaps, configMap('a'));
    const fault = { kind: 'status', status: 429, retryAfterSeconds: 3 } as const;
    server.faults.inject(fault, { verb: 'get', times: 2 });
    const got = client.get(configMaps, key);
    await pass(2975);
    expect(server.requests).toHaveLength(1);
    await pass(25);
    expect(server.requests).toHaveLength(2);
    await pass(3000);
    await expect(got).resolves.toMatchObject({ metadata: { name: 'a' } });
  });

  test('that asks so for ever is given up after ten attempts', async () => {
    const { client, server, pass } = virtualCluster();
    server.faults.inject({
      kind: 'status',
      status: 429,
      reason: 'TooManyRequests',
      retryAfterSeconds: 1,
    });
    const got = expect(client.get(configMaps, key)).rejects.toMatchObject({
      status: 429,
      retryAfterMs: 1000,
    });
    await pass(20_000);
    await got;
    expect(server.requests).toHaveLength(10);
  });

  test('without such a wish is not repeated', async () => {
    const { client, server } = virtualCluster();
    server.faults.inject({ kind: 'status', status: 500 });
    await expect(client.get(configMaps, key)).rejects.toMatchObject({ status: 500 });
    expect(server.requests).toHaveLength(1);
  });
});

describe('a call', () => {
  test('without an answer ends after its timeout and leaves no timer', async () => {
    const { client, server, pass, clock } = virtualCluster();
    server.faults.inject({ kind: 'silence' });
    const got = client.get(configMaps, key, { timeoutMs: 1000 }).catch((error: unknown) => error);
    await pass(1000);
    expect(await got).toBeInstanceOf(KubeTimeoutError);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ['before it began', true],
    ['while it runs', false],
  ])('that is aborted %s ends with that', async (_, before) => {
    const { client, server, settle, clock } = virtualCluster();
    server.faults.inject({ kind: 'silence' });
    const stop = new AbortController();
    if (before) stop.abort('enough');
    const got = expect(client.get(configMaps, key, { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: 'enough',
    });
    await settle();
    stop.abort('enough');
    await got;
    expect(clock.pendingTimers).toBe(0);
  });

  test('that waits to come back later can be aborted', async () => {
    const { client, server, settle, clock } = virtualCluster();
    server.faults.inject({ kind: 'status', status: 429, retryAfterSeconds: 60 });
    const stop = new AbortController();
    const got = expect(client.get(configMaps, key, { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await settle();
    stop.abort();
    await got;
    expect(clock.pendingTimers).toBe(0);
  });

  test.each([
    ['no answer', { kind: 'unreachable' }, KubeUnreachableError],
    ['an answer of somebody else', { kind: 'garbage' }, KubeProtocolError],
  ] as const)('that gets %s says so', async (_, fault, type) => {
    const { client, server } = virtualCluster();
    server.faults.inject(fault);
    await expect(client.get(configMaps, key)).rejects.toBeInstanceOf(type);
  });

  test.each(['', '.', '..'])('for the name "%s" is not made', (name) => {
    const { client, server } = virtualCluster();
    expect(() => void client.get(configMaps, { name, namespace: 'default' })).toThrow(TypeError);
    expect(server.requests).toEqual([]);
  });

  test('stays within its path, whatever the name', async () => {
    const { client, server } = virtualCluster();
    await client
      .get(configMaps, { name: '../../pods?x=', namespace: 'default' })
      .catch(() => undefined);
    expect(server.requests).toMatchObject([{ plural: 'configmaps', verb: 'get' }]);
  });

  test('without the namespace that its type needs is not made', () => {
    const { client } = virtualCluster();
    expect(() => void client.get(configMaps, { name: 'a' })).toThrow(
      'configmaps a needs a namespace',
    );
  });
});

describe('a watch', () => {
  test('that falls silent ends after its idle time', async () => {
    const { client, server, pass } = virtualCluster();
    const read = collected(client.watch(configMaps, { idleTimeoutMs: 60_000 })).catch(
      (error: unknown) => error,
    );
    await pass(50_000);
    server.watches[0]?.bookmark();
    await pass(50_000);
    server.watches[0]?.stall();
    await pass(20_000);
    expect(await read).toBeInstanceOf(KubeTimeoutError);
    expect(server.watches).toHaveLength(0);
  });

  test('that is left is over for the server too', async () => {
    const { client, server, clock } = virtualCluster();
    server.put(configMaps, configMap('a'));
    for await (const event of client.watch(configMaps)) {
      expect(event).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
      break;
    }
    expect(server.watches).toHaveLength(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test('that says what no API server says is an error', async () => {
    const { client, server, settle } = virtualCluster();
    const read = collected(client.watch(configMaps)).catch((error: unknown) => error);
    await settle();
    server.watches[0]?.garble();
    expect(await read).toBeInstanceOf(KubeProtocolError);
  });
});
