import {
  startModelServer,
  type Behaviour,
  type ModelServer,
  type ReceivedRequest,
  type Script,
} from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { ask, chat, startTestSidecar, via } from './sidecar.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });
const WAIT = { timeout: 20_000, interval: 20 };

const serverThat = (behaviour: Behaviour): Promise<ModelServer> =>
  startModelServer({ script: () => behaviour });
const bodyOf = (request: ReceivedRequest | undefined): Record<string, unknown> =>
  JSON.parse(request?.body.toString() ?? 'null') as Record<string, unknown>;
const failing = { kind: 'answer', status: 500, body: '{"code":500}' } as const;
/** A decode server that has nothing to fetch as long as the prefiller has not answered its first request. */
const hangsUntilAnswered =
  (prefiller: ModelServer): Script =>
  () =>
    prefiller.requests[0]?.state === 'answered' ? { kind: 'answer' } : { kind: 'hang' };
const events = { 'content-type': 'text/event-stream' };

describe('sglang', () => {
  const start = (decode: ModelServer, ...args: string[]) =>
    startTestSidecar(decode, ['--kv-connector=sglang', ...args], { SGLANG_BOOTSTRAP_PORT: '9001' });

  test('asks both at once: neither waits for the other', async () => {
    await using prefiller = await serverThat({ kind: 'wait', ms: 600_000, then: { kind: 'echo' } });
    await using decode = await startModelServer();
    await using sidecar = await start(decode);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(200);
    const [sent] = prefiller.requests;
    const [got] = decode.requests;
    expect(sent?.body.toString()).toBe(got?.body.toString());
    expect(bodyOf(got)).toMatchObject({
      ...chat,
      bootstrap_host: '127.0.0.1',
      bootstrap_port: 9001,
    });
    // The prefiller may end as it likes.
    expect(prefiller.requests.map(({ state }) => state)).toEqual(['running']);
  });

  test('also its own path', async () => {
    await using prefiller = await startModelServer();
    await using decode = await startModelServer();
    await using sidecar = await start(decode);
    await ask(sidecar, { path: '/generate', body: { text: 'Hi' }, headers: via(prefiller) });
    expect(bodyOf(decode.requests[0])).toMatchObject({ text: 'Hi', bootstrap_host: '127.0.0.1' });
  });

  test('a prefiller that fails takes the decode with it, and the next one gets a room of its own', async () => {
    await using bad = await serverThat({ kind: 'wait', ms: 200, then: failing });
    await using next = await startModelServer();
    await using decode = await startModelServer({ script: hangsUntilAnswered(bad) });
    await using sidecar = await start(decode);
    expect((await ask(sidecar, { headers: via(bad, next) })).status).toBe(200);
    const rooms = decode.requests.map(
      (request) => /room":(\d+)/.exec(request.body.toString())?.[1],
    );
    expect(new Set(rooms).size).toBe(2);
    expect(decode.requests.map(({ state }) => state)).toEqual(['cut', 'answered']);
  });

  test('a decode that fails because the prefill did is made up for', async () => {
    // Late enough for the decode server to have been asked.
    await using bad = await serverThat({ kind: 'wait', ms: 100, then: failing });
    await using next = await startModelServer();
    await using decode = await startModelServer({
      script: ({ number }) => (number === 0 ? failing : { kind: 'answer' }),
    });
    await using sidecar = await start(decode);
    expect((await ask(sidecar, { headers: via(bad, next) })).status).toBe(200);
  });

  test('a decode that fails by itself is the answer, and ends the prefill', async () => {
    await using prefiller = await serverThat({ kind: 'hang' });
    await using decode = await serverThat(failing);
    await using sidecar = await start(decode);
    const response = await ask(sidecar, { headers: via(prefiller) });
    expect([response.status, await response.text()]).toEqual([500, '{"code":500}']);
    await vi.waitFor(() => {
      expect(prefiller.requests.map(({ state }) => state)).toEqual(['cut']);
    }, WAIT);
  });

  test('a decode that refuses the request is the answer, and ends the prefill', async () => {
    await using prefiller = await serverThat({ kind: 'hang' });
    await using decode = await serverThat({ kind: 'answer', status: 400, body: 'no' });
    await using sidecar = await start(decode);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(400);
    await vi.waitFor(() => {
      expect(prefiller.requests.filter(({ state }) => state === 'running')).toEqual([]);
    }, WAIT);
  });

  test('the only prefiller’s error is the answer', async () => {
    await using bad = await serverThat({ kind: 'answer', status: 422, body: 'no' });
    await using decode = await serverThat({ kind: 'hang' });
    await using sidecar = await start(decode);
    const response = await ask(sidecar, { headers: via(bad) });
    expect([response.status, await response.text()]).toEqual([422, 'no']);
  });

  test('a client that leaves ends both', async () => {
    await using prefiller = await serverThat({ kind: 'hang' });
    await using decode = await serverThat({ kind: 'hang' });
    await using sidecar = await start(decode);
    const leave = new AbortController();
    const asked = ask(sidecar, { headers: via(prefiller), signal: leave.signal });
    await vi.waitFor(() => {
      expect([prefiller.running, decode.running]).toEqual([1, 1]);
    }, WAIT);
    leave.abort();
    await expect(asked).rejects.toThrow();
    await vi.waitFor(() => {
      expect([...prefiller.requests, ...decode.requests].map(({ state }) => state)).toEqual([
        'cut',
        'cut',
      ]);
    }, WAIT);
    expect(sidecar.inFlight()).toBe(0);
  });
});

describe('shared storage', () => {
  const refused = (stream: boolean): Behaviour => {
    const choice = { index: 0, finish_reason: 'cache_threshold' };
    const role =
      'data: {"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n';
    return stream
      ? {
          kind: 'answer',
          headers: events,
          body: `${role}data: ${JSON.stringify({ choices: [choice] })}\n\n`,
        }
      : { kind: 'answer', body: JSON.stringify({ choices: [choice] }) };
  };
  const start = (decode: ModelServer) =>
    startTestSidecar(decode, ['--kv-connector=shared-storage']);

  test.each([[true], [false]])(
    'a decode server that holds too little has the prompt prefilled (stream %s)',
    async (stream) => {
      await using prefiller = await startModelServer();
      await using decode = await startModelServer({
        script: ({ number }) => (number === 0 ? refused(stream) : { kind: 'stream', chunks: 3 }),
      });
      await using sidecar = await start(decode);
      const body = { ...chat, stream, cache_hit_threshold: 0.9 };
      const response = await ask(sidecar, { body, headers: via(prefiller) });
      expect(await response.text()).toMatch(/w0[^]*w1[^]*w2[^]*DONE/);
      expect(bodyOf(prefiller.requests[0])).toMatchObject({
        max_tokens: 1,
        stream: false,
        cache_hit_threshold: 0,
      });
      expect(decode.requests.map(bodyOf)).toEqual([body, { ...body, cache_hit_threshold: 0 }]);
    },
  );

  test('one that holds enough answers, and nobody else is asked', async () => {
    await using prefiller = await startModelServer();
    await using decode = await serverThat({ kind: 'stream', chunks: 2 });
    await using sidecar = await start(decode);
    const body = { ...chat, stream: true, cache_hit_threshold: 0.9 };
    const response = await ask(sidecar, { body, headers: via(prefiller) });
    expect(await response.text()).toMatch(/w0[^]*w1[^]*DONE/);
    expect(prefiller.requests).toEqual([]);
    expect(sidecar.lastRequest).toMatchObject({ route: 'decode' });
  });

  test('one that fails is told of', async () => {
    await using prefiller = await startModelServer();
    await using decode = await serverThat({ kind: 'answer', status: 400, body: 'bad' });
    await using sidecar = await start(decode);
    const response = await ask(sidecar, {
      body: { ...chat, cache_hit_threshold: 1 },
      headers: via(prefiller),
    });
    expect([response.status, await response.text()]).toEqual([400, 'bad']);
  });
});

describe('mooncake', () => {
  const bootstrapThat = (...engines: string[]) =>
    startModelServer({
      script: ({ number }) => ({
        kind: 'answer',
        body: JSON.stringify({ 5: { engine_id: engines[number] ?? engines.at(-1) } }),
      }),
    });
  const start = (decode: ModelServer, bootstrap: ModelServer, ...args: string[]) =>
    startTestSidecar(decode, [
      '--kv-connector=mooncake',
      `--mooncake-bootstrap-port=${bootstrap.port}`,
      ...args,
    ]);

  test('the bootstrap server is asked once, and its engine told to both', async () => {
    await using bootstrap = await bootstrapThat('engine-a');
    await using prefiller = await startModelServer();
    await using decode = await startModelServer();
    await using sidecar = await start(decode, bootstrap);
    for (let i = 0; i < 2; i++) await ask(sidecar, { headers: via(prefiller) });
    expect(bootstrap.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /query',
    ]);
    await vi.waitFor(() => {
      expect(prefiller.requests).toHaveLength(2);
    }, WAIT);
    expect(prefiller.requests[0]?.headers['x-data-parallel-rank']).toBe('5');
    expect(bodyOf(decode.requests[0])).toMatchObject({
      kv_transfer_params: {
        remote_engine_id: 'engine-a',
        remote_bootstrap_addr: `http://127.0.0.1:${bootstrap.port}`,
      },
    });
  });

  test('after a failure it is asked again: the prefiller may have been started anew', async () => {
    await using bootstrap = await bootstrapThat('old', 'new');
    await using prefiller = await startModelServer({
      script: ({ number }) =>
        number === 0 ? { kind: 'wait', ms: 200, then: failing } : { kind: 'answer' },
    });
    await using decode = await startModelServer({ script: hangsUntilAnswered(prefiller) });
    await using sidecar = await start(decode, bootstrap);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(500);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(200);
    expect(bodyOf(decode.requests.at(-1))).toMatchObject({
      kv_transfer_params: { remote_engine_id: 'new' },
    });
  });

  test('one that names no engine fails the prefiller', async () => {
    await using bootstrap = await serverThat({ kind: 'answer', body: '{}' });
    await using prefiller = await startModelServer();
    await using decode = await startModelServer();
    await using sidecar = await start(decode, bootstrap);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(502);
    expect([prefiller.requests.length, decode.requests.length]).toEqual([0, 0]);
  });
});

describe('peers', () => {
  const source = { 'x-kv-cache-source-host-port': '10.9.8.7:8000' };
  test.each([
    [['--enable-p2p-pull'], true],
    [['--kv-connector=offloading'], true],
    [[], false],
  ])('with %j a prefix is pulled: %s', async (args, pulls) => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, args);
    await ask(sidecar, { headers: source });
    const expected = {
      kv_transfer_params: { remote_kv_source: { remote_host: '10.9.8.7', remote_port: 7777 } },
    };
    if (pulls) expect(bodyOf(decode.requests[0])).toMatchObject(expected);
    else expect(bodyOf(decode.requests[0])).toEqual(chat);
    expect(decode.requests[0]?.headers).not.toHaveProperty('x-kv-cache-source-host-port');
  });
});

describe('data-parallel ranks', () => {
  test('each has a port that leads to its own', async () => {
    await using first = await startModelServer();
    // The port next to it must be free, which chance may deny.
    await using second = await startModelServer({ port: first.port + 1 });
    await using sidecar = await startTestSidecar(first, ['--data-parallel-size=2'], {
      POD_IP: '10.0.0.1',
    });
    expect(sidecar.ports).toHaveLength(2);
    await ask({ url: `http://127.0.0.1:${sidecar.ports[1] ?? 0}` });
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
    // Rank 0 forwards where a header says so; ports are those of --port.
    await ask(sidecar, { headers: { 'x-data-parallel-host-port': '10.0.0.1:1' } });
    expect([first.requests.length, second.requests.length]).toEqual([0, 2]);
    const unknown = await ask(sidecar, { headers: { 'x-data-parallel-host-port': '10.0.0.1:7' } });
    expect(unknown.status).toBe(400);
  });
});
