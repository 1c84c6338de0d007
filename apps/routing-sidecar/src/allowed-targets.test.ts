import { inferencePools } from '@llm-d/crd-types';
import { pods } from '@llm-d/kube-runtime';
import { createFakeApiServer, type FakeApiServer } from '@llm-d/kube-runtime/testing';
import { createTempDir, startModelServer, type TempDir } from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { ask, prefillAnswer, startTestSidecar, via } from './sidecar.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });
const WAIT = { timeout: 20_000, interval: 20 };

const prefiller = () =>
  startModelServer({ script: () => ({ kind: 'answer', body: prefillAnswer() }) });

describe('a list', () => {
  test('lets in who is on it, by host and by port', async () => {
    await using listed = await prefiller();
    await using other = await prefiller();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, [
      `--allowed-targets=127.0.0.1:${listed.port}`,
    ]);
    const refused = await ask(sidecar, { headers: via(other) });
    expect([refused.status, await refused.text()]).toEqual([
      403,
      'Forbidden: prefill target not allowed by SSRF protection\n',
    ]);
    expect((await ask(sidecar, { headers: via(other, listed) })).status).toBe(200);
    expect([other.requests.length, listed.requests.length, decode.requests.length]).toEqual([
      0, 1, 1,
    ]);
    expect(await sidecar.metric('denied_targets_total', { role: 'prefill' })).toBe(2);
    expect(await sidecar.metric('requests_total', { route: 'refused' })).toBe(1);
  });

  test('can be left out of account', async () => {
    await using other = await prefiller();
    await using decode = await startModelServer();
    const args = ['--allowed-targets=10.0.0.1:80', '--enable-ssrf-protection=false'];
    await using sidecar = await startTestSidecar(decode, args);
    expect((await ask(sidecar, { headers: via(other) })).status).toBe(200);
  });

  test('does not let a peer in that is not on it', async () => {
    await using decode = await startModelServer();
    const args = ['--allowed-targets=10.0.0.1:80', '--kv-connector=offloading'];
    await using sidecar = await startTestSidecar(decode, args);
    await ask(sidecar, { headers: { 'x-kv-cache-source-host-port': '10.0.0.2:80' } });
    expect(decode.requests[0]?.body.toString()).not.toContain('remote_kv_source');
    expect(await sidecar.metric('denied_targets_total', { role: 'kv-source' })).toBe(1);
  });
});

test.each([
  '',
  ' ',
  'nohost',
  '127.0.0.1',
  '127.0.0.1:0',
  '127.0.0.1:99999',
  'a/b:80',
  '127.0.0.1:80/x',
  'u@h:80',
])('a header of %j names nobody', async (value) => {
  await using decode = await startModelServer();
  await using sidecar = await startTestSidecar(decode);
  const { status } = await ask(sidecar, { headers: { 'x-prefiller-host-port': value } });
  expect(status).toBe(value.trim() === '' ? 200 : 502);
  expect(decode.requests).toHaveLength(value.trim() === '' ? 1 : 0);
});

const put = (server: FakeApiServer, port: number): void => {
  server.put(inferencePools, {
    metadata: { name: 'llama', namespace: 'prod' },
    spec: { selector: { matchLabels: { app: 'vllm' } }, targetPorts: [{ number: port }] } as never,
  });
};
const putPod = (server: FakeApiServer, podIP: string, phase = 'Running'): void => {
  server.put(pods, {
    metadata: { name: 'prefill-0', namespace: 'prod', labels: { app: 'vllm' } },
    spec: { containers: [{ name: 'vllm', image: 'vllm' }] },
    status: { podIP, phase },
  });
};
const kubeconfig = (folder: TempDir, url: string): Promise<string> =>
  folder.write(
    'config',
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: {} }],
    }),
  );

describe('an InferencePool', () => {
  test('lets its pods in, at its ports, as long as they are in it', async () => {
    await using folder = await createTempDir();
    await using server = createFakeApiServer({ types: [inferencePools, pods] });
    await using api = await server.listen();
    await using inside = await prefiller();
    await using decode = await startModelServer();
    putPod(server, '127.0.0.1');
    put(server, inside.port);
    await using sidecar = await startTestSidecar(decode, [
      '--inference-pool=prod/llama',
      `--kubeconfig=${await kubeconfig(folder, api.url)}`,
    ]);
    const healthy = async () => (await fetch(`${sidecar.url}/health`)).status;
    await vi.waitFor(async () => {
      expect(await healthy()).toBe(200);
    }, WAIT);
    const asked = async () => (await ask(sidecar, { headers: via(inside) })).status;
    expect(await asked()).toBe(200);
    put(server, inside.port + 1);
    await vi.waitFor(async () => {
      expect(await asked()).toBe(403);
    }, WAIT);
    put(server, inside.port);
    await vi.waitFor(async () => {
      expect(await asked()).toBe(200);
    }, WAIT);
    putPod(server, '127.0.0.1', 'Succeeded');
    await vi.waitFor(async () => {
      expect(await asked()).toBe(403);
    }, WAIT);
  });

  test('that cannot be read lets nobody in, and health says why', async () => {
    await using folder = await createTempDir();
    await using server = createFakeApiServer({ types: [pods] });
    await using api = await server.listen();
    await using inside = await prefiller();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, [
      '--inference-pool=llama',
      `--kubeconfig=${await kubeconfig(folder, api.url)}`,
    ]);
    const health = await fetch(`${sidecar.url}/health`);
    expect([health.status, await health.text()]).toEqual([
      503,
      expect.stringContaining('InferencePool default/llama are not known yet'),
    ]);
    expect((await ask(sidecar, { headers: via(inside) })).status).toBe(403);
    // Who needs no prefiller is served.
    expect((await ask(sidecar)).status).toBe(200);
  });
});
