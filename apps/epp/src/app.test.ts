import { readExposition, startModelServer } from '@llm-d/test-kit';
import { externalProcessorService } from '@llm-d/protos';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { connectProxy, startTestEpp, type ProxyStream, type TestEpp } from './epp.testing.ts';
import {
  answerBody,
  chatBody,
  requestBody,
  requestHead,
  responseBody,
  responseHead,
} from './ext-proc/session.testing.ts';

const adminOf = (epp: TestEpp): string => `http://127.0.0.1:${epp.adminPort}`;
const destinationOf = async (stream: ProxyStream): Promise<string> => {
  const { requestHeaders } = await stream.next();
  const [destination] = requestHeaders?.response?.headerMutation?.setHeaders ?? [];
  return String(destination?.header?.rawValue);
};

describe.each([
  ['our HTTP/2', '--grpc-transport=http2', false],
  ['our HTTP/2 with TLS', '--grpc-transport=http2', true],
  ['grpc-js', '--grpc-transport=grpc-js', false],
  ['grpc-js with TLS', '--grpc-transport=grpc-js', true],
])('over %s', (_, transport, secure) => {
  const start = (port: number) => startTestEpp([port], transport, `--secure-serving=${secure}`);

  test('an exchange is accompanied from its head to its end', async () => {
    await using server = await startModelServer();
    await using epp = await start(server.port);
    using proxy = connectProxy(epp.grpcPort, { secure });
    const stream = proxy.open();
    stream.say(requestHead({ 'x-request-id': 'r7' }), requestBody(chatBody()));
    expect(await destinationOf(stream)).toBe(`127.0.0.1:${server.port}`);
    expect((await stream.next()).requestBody?.response?.bodyMutation?.streamedResponse).toEqual({
      body: Buffer.from(chatBody()),
      endOfStream: true,
    });
    stream.say(responseHead(), responseBody(answerBody(), { endOfStream: true }));
    expect((await stream.next()).response).toBe('responseHeaders');
    const answer = (await stream.next()).responseBody?.response?.bodyMutation?.streamedResponse;
    expect(String(answer?.body)).toBe(answerBody());
    stream.reset();
    await stream.ended;
    const decision = await (await fetch(`${adminOf(epp)}/debug/decisions/r7`)).json();
    expect(decision).toMatchObject({ requestId: 'r7', attempts: [{ answer: { status: 200 } }] });
    const metrics = await readExposition(adminOf(epp));
    expect(metrics.sum('llm_d_epp_request_running')).toBe(0);
    expect(metrics.sum('llm_d_epp_request_output_tokens_sum')).toBe(5);
  });

  test('five megabytes go through, and many exchanges at once', async () => {
    await using server = await startModelServer();
    await using epp = await start(server.port);
    using proxy = connectProxy(epp.grpcPort, { secure });
    const body = Buffer.from(chatBody({ user: 'x'.repeat(5_000_000) }));
    const exchange = async (): Promise<number> => {
      const stream = proxy.open();
      stream.say(requestHead());
      for (let at = 0; at < body.length; at += 32_768) {
        const endOfStream = at + 32_768 >= body.length;
        stream.say(requestBody(body.subarray(at, at + 32_768), { endOfStream }));
      }
      await stream.next();
      for (let bytes = 0; ;) {
        const reply = (await stream.next()).requestBody?.response?.bodyMutation?.streamedResponse;
        bytes += reply?.body.length ?? 0;
        if (reply?.endOfStream !== true) continue;
        stream.reset();
        await stream.ended;
        return bytes;
      }
    };
    const lengths = await Promise.all(Array.from({ length: 3 }, exchange));
    expect(new Set(lengths)).toEqual(new Set([body.length]));
    await expect.poll(() => epp.streams).toBe(0);
  }, 60_000);
});

test('health is told on its own port, and on the proxy’s where it should', async () => {
  await using epp = await startTestEpp([], '--secure-serving=false', '--health-checking');
  using probe = connectProxy(epp.healthPort);
  using proxy = connectProxy(epp.grpcPort);
  for (const service of [
    '',
    'readiness',
    'liveness',
    'inference-extension',
    externalProcessorService,
  ]) {
    expect([service, await probe.health(service)]).toEqual([service, 'SERVING']);
  }
  expect(await proxy.health(externalProcessorService)).toBe('SERVING');
});

test('the proxy’s port does not tell health unless it should', async () => {
  await using epp = await startTestEpp([], '--secure-serving=false');
  using proxy = connectProxy(epp.grpcPort);
  await expect(proxy.health('')).rejects.toThrow('UNIMPLEMENTED');
});

test('what people ask over HTTP is answered', async () => {
  await using server = await startModelServer();
  await using epp = await startTestEpp([server.port], '--enable-grpc-stream-metrics');
  const get = async (path: string) => {
    const response = await fetch(`${adminOf(epp)}${path}`);
    return { status: response.status, text: await response.text() };
  };
  expect(await get('/healthz')).toMatchObject({ status: 200 });
  expect(await get('/readyz')).toMatchObject({ status: 200 });
  expect(JSON.parse((await get('/debug/endpoints')).text)).toMatchObject({
    endpoints: [{ endpoint: `default/server-${server.port}-rank-0` }],
  });
  expect(JSON.parse((await get('/debug/plugins/state')).text)).toMatchObject({
    timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
    plugins: { 'queue-scorer': { type: 'queue-scorer', message: expect.any(String) as string } },
  });
  expect(JSON.parse((await get('/debug/decisions')).text)).toEqual({ decisions: [] });
  expect(await get('/debug/decisions/none')).toMatchObject({ status: 404 });
  expect(await get('/elsewhere')).toMatchObject({ status: 404 });
  expect((await get('/metrics')).text).toContain('llm_d_epp_extproc_streams_inflight 0');
});

test('KV events of the engines are listened to where the configuration wants them', async () => {
  await using server = await startModelServer();
  await using epp = await startTestEpp([server.port]);
  const text = await readFile(join(epp.folder.path, 'config.yaml'), 'utf8');
  const plugin =
    '{ type: precise-prefix-cache-producer, parameters: { kvEventsConfig: { podDiscoveryConfig: { socketPort: 1 } } } }';
  await epp.folder.write('config.yaml', text.replace('plugins:\n', `plugins:\n- ${plugin}\n`));
  await vi.waitFor(async () => {
    const response = await fetch(`${adminOf(epp)}/debug/plugins/state`);
    expect(await response.json()).toMatchObject({
      plugins: {
        'precise-prefix-cache-producer': {
          state: { subscribers: [{ address: 'tcp://127.0.0.1:1' }], blockSizeTokens: 16 },
        },
      },
    });
  }, 5000);
});

test('what waits is shown where requests may wait', async () => {
  await using server = await startModelServer();
  await using without = await startTestEpp([server.port]);
  const shown = (epp: TestEpp) => fetch(`${adminOf(epp)}/debug/flow-control`);
  expect((await shown(without)).status).toBe(404);
  const text = await readFile(join(without.folder.path, 'config.yaml'), 'utf8');
  const file = await without.folder.write('gated.yaml', `${text}featureGates: [flowControl]\n`);
  await using epp = await startTestEpp([server.port], `--config-file=${file}`);
  expect(await (await shown(epp)).json()).toMatchObject({
    requests: 0,
    bands: [{ priority: 0, flows: [] }],
  });
});

describe('at the end', () => {
  test('it says so first, serves on while somebody is there, and cuts what is left', async () => {
    await using server = await startModelServer();
    const flags = ['--secure-serving=false', '--drain-timeout=1h'];
    await using epp = await startTestEpp([server.port], ...flags);
    using probe = connectProxy(epp.healthPort);
    using proxy = connectProxy(epp.grpcPort);
    const open = proxy.open();
    open.say(requestHead(), requestBody(chatBody()));
    await open.next();
    const unplaced = proxy.open();
    unplaced.say(requestHead());
    await expect.poll(() => epp.streams).toBe(2);

    const closed = epp.close();
    expect(await probe.health('readiness')).toBe('NOT_SERVING');
    expect(await probe.health('liveness')).toBe('SERVING');
    expect((await fetch(`${adminOf(epp)}/readyz`)).status).toBe(503);
    const late = proxy.open();
    late.say(requestHead(), requestBody(chatBody()));
    expect(await destinationOf(late)).toBe(`127.0.0.1:${server.port}`);

    void epp.close();
    expect((await unplaced.next()).immediateResponse?.status?.code).toBe(503);
    await closed;
    expect(await open.ended).not.toBe(0);
    expect(epp.streams).toBe(0);
  });

  test('it does not wait for a proxy that is not there', async () => {
    const epp = await startTestEpp([], '--drain-timeout=1h');
    await epp.close();
    await expect(fetch(`${adminOf(epp)}/healthz`)).rejects.toThrow();
    await epp.folder[Symbol.asyncDispose]();
  });
});

test.each(['--grpc-port', '--grpc-health-port', '--metrics-port'])(
  'a port that is taken is named with %s, and nothing is left running',
  async (flag) => {
    await using taken = await startModelServer();
    const starting = startTestEpp([], `${flag}=${taken.port}`);
    await expect(starting).rejects.toMatchObject({ code: 'LISTEN', flag, port: taken.port });
  },
);
