import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { ListenError } from './app.ts';
import { startTestSim, tinyProfile } from './testdata/sim-server.ts';

const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';
const user = (content: string) => ({ role: 'user', content });

/** Steps long enough that a request is still running when a test looks. */
const slowProfile = { ...tinyProfile, step: { ...tinyProfile.step, decodeBaseMs: 20 } };

type TestSim = Awaited<ReturnType<typeof startTestSim>>;
const settles = (server: TestSim, running: number, waiting = 0) =>
  vi.waitFor(async () => {
    expect([
      await server.metric('vllm:num_requests_running{'),
      await server.metric('vllm:num_requests_waiting{'),
    ]).toEqual([running, waiting]);
  });

interface ChatAnswer {
  readonly choices: readonly { message: { content: string }; finish_reason: string }[];
  readonly usage: { prompt_tokens: number; prompt_tokens_details: { cached_tokens: number } };
}

describe('answers', () => {
  test('the second turn of a chat reuses the blocks of the first and of its answer', async () => {
    await using server = await startTestSim();
    const first = [user('Tell me a long story about the sea and the sky.')];
    const ask = async (messages: object[]) => {
      const response = await server.post(CHAT, { messages, max_tokens: 64, ignore_eos: true });
      return (await response.json()) as ChatAnswer;
    };
    const one = await ask(first);
    const answer = { role: 'assistant', content: one.choices[0]?.message.content };
    const two = await ask([...first, answer, user('Go on.')]);
    expect(one.usage.prompt_tokens_details.cached_tokens).toBe(0);
    const reusable = one.usage.prompt_tokens + 64 - 1;
    expect(two.usage.prompt_tokens_details.cached_tokens).toBe(reusable - (reusable % 16));
  });

  test('ends by itself now and then unless told to ignore the end of text', async () => {
    await using server = await startTestSim({ engine: { meanOutputTokens: 8 } });
    const reasons = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await server.post(CHAT, { messages: [user('Hi')], max_tokens: 8 });
        return ((await response.json()) as ChatAnswer).choices[0]?.finish_reason;
      }),
    );
    expect(new Set(reasons)).toEqual(new Set(['stop', 'length']));
  });

  test('the same seed gives the same answer', async () => {
    await using server = await startTestSim();
    const body = { messages: [user('Hi')], max_tokens: 20, ignore_eos: true, seed: 7 };
    const text = async () =>
      ((await (await server.post(CHAT, body)).json()) as ChatAnswer).choices[0]?.message.content;
    expect(await text()).toBe(await text());
  });

  test('an echoing model repeats the last message, whole characters in each event', async () => {
    await using server = await startTestSim({ engine: { mode: 'echo' } });
    const content = 'Grüße, 😀 wörld';
    const messages = [user('before'), user(content)];
    const whole = (await (await server.post(CHAT, { messages })).json()) as ChatAnswer;
    expect(whole.choices[0]).toMatchObject({ message: { content }, finish_reason: 'stop' });
    const stream = await (await server.post(CHAT, { messages, stream: true })).text();
    const deltas = [...stream.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map(
      ([, text = '""']) => JSON.parse(text) as string,
    );
    expect(deltas.join('')).toBe(content);
    expect(stream).not.toContain('�');
  });

  test('more than one choice is refused', async () => {
    await using server = await startTestSim();
    const response = await server.post(CHAT, { messages: [user('Hi')], n: 2 });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: {
        message: 'n must be 1, got 2. (parameter=n, value=2)',
        type: 'BadRequestError',
        param: 'n',
      },
    });
  });

  test('say which pod they come from', async () => {
    await using server = await startTestSim({ podName: 'pod-a', podNamespace: 'ns' });
    const { headers } = await server.get('/health');
    expect(headers.get('x-inference-pod')).toBe('pod-a');
    expect(headers.get('x-inference-namespace')).toBe('ns');
    expect(headers.get('x-inference-port')).toBe(String(server.ports[0]));
  });

  test('embeddings are a function of the text', async () => {
    await using server = await startTestSim();
    const embed = async (body: object) =>
      (await (await server.post('/v1/embeddings', body)).json()) as {
        data: { embedding: number[] | string }[];
        usage: object;
      };
    const two = await embed({ input: ['cat', 'dog'], dimensions: 8 });
    const again = await embed({ input: 'dog', dimensions: 8 });
    expect(two.data[1]?.embedding).toEqual(again.data[0]?.embedding);
    expect(two.data[0]?.embedding).not.toEqual(two.data[1]?.embedding);
    expect(two.usage).toMatchObject({ prompt_tokens: 2, total_tokens: 2 });
    const vector = again.data[0]?.embedding as number[];
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
    const packed = await embed({ input: 'dog', dimensions: 8, encoding_format: 'base64' });
    const bytes = Buffer.from(packed.data[0]?.embedding as string, 'base64');
    expect([...new Float32Array(new Uint8Array(bytes).buffer)]).toEqual(vector);
    expect((await embed({ input: 'x' })).data[0]?.embedding).toHaveLength(384);
  });

  test('detokenizing is the inverse of tokenizing', async () => {
    await using server = await startTestSim();
    const { tokens } = (await (await server.post('/tokenize', { prompt: 'Grüße' })).json()) as {
      tokens: number[];
    };
    expect(await (await server.post('/detokenize', { tokens })).json()).toEqual({
      prompt: 'Grüße',
    });
    expect((await server.post('/detokenize', { tokens: [-1] })).status).toBe(400);
  });
});

describe('metrics', () => {
  test('count what the engine did', async () => {
    await using server = await startTestSim();
    const body = {
      prompt: Array.from({ length: 40 }, (_, i) => i),
      max_tokens: 5,
      ignore_eos: true,
    };
    await (await server.post(COMPLETIONS, body)).text();
    await (await server.post(COMPLETIONS, body)).text();
    const values = {
      'prompt_tokens_total{': 80,
      'prompt_tokens_cached_total{': 32,
      'prefix_cache_queries_total{': 80,
      'prefix_cache_hits_total{': 32,
      'generation_tokens_total{': 10,
      'request_success_total{engine="0",finished_reason="length"': 2,
      'time_to_first_token_seconds_count{': 2,
      'inter_token_latency_seconds_count{': 8,
      'e2e_request_latency_seconds_count{': 2,
      'request_generation_tokens_sum{': 10,
      'request_params_max_tokens_sum{': 10,
      'iteration_tokens_total_sum{': 40 + 8 + 4 + 4,
      'kv_cache_usage_perc{': 0,
    };
    for (const [name, value] of Object.entries(values)) {
      expect([name, await server.metric(`vllm:${name}`)]).toEqual([name, value]);
    }
  });

  test('are reduced to the families that are asked for by name', async () => {
    await using server = await startTestSim();
    const query = 'name[]=vllm%3Anum_requests_running&name[]=vllm:no_such_metric';
    const text = await (await server.get(`/metrics?${query}`)).text();
    expect(text.split('\n').filter((line) => line !== '')).toEqual([
      expect.stringMatching(/^# HELP vllm:num_requests_running /),
      '# TYPE vllm:num_requests_running gauge',
      expect.stringMatching(/^vllm:num_requests_running\{/),
    ]);
  });

  test('name the adapters that run', async () => {
    await using server = await startTestSim({
      profile: slowProfile,
      loraEnabled: true,
      loraModules: [{ name: 'a', path: '/a' }],
    });
    const response = await server.post(COMPLETIONS, {
      model: 'a',
      prompt: 'x',
      max_tokens: 400,
      ignore_eos: true,
      stream: true,
    });
    const text = await (await server.get('/metrics')).text();
    expect(text).toMatch(
      /lora_requests_info\{max_lora="1",running_lora_adapters="a",waiting_lora_adapters=""\} /,
    );
    await response.body?.cancel();
  });
});

describe('clients that go away', () => {
  test.each([true, false])(
    'a disconnect frees the sequence and its blocks (streamed: %s)',
    async (stream) => {
      await using server = await startTestSim({ profile: slowProfile });
      const controller = new AbortController();
      const body = { prompt: 'Hello', max_tokens: 400, ignore_eos: true, stream };
      const answer = fetch(server.url + COMPLETIONS, {
        method: 'POST',
        body: JSON.stringify(body),
        signal: controller.signal,
        headers: { 'content-type': 'application/json' },
      });
      answer.catch(() => undefined);
      await settles(server, 1);
      expect(await (await server.get('/load')).json()).toEqual({ server_load: 1 });
      controller.abort();
      await settles(server, 0);
      expect(await server.metric('vllm:kv_cache_usage_perc{')).toBe(0);
      expect(await (await server.get('/load')).json()).toEqual({ server_load: 0 });
      expect(
        await server.metric('vllm:request_success_total{engine="0",finished_reason="abort"'),
      ).toBe(0);
    },
  );

  test('a client that does not read is cut off at the bound', async () => {
    const profile = { ...tinyProfile, maxModelLen: 400_000, numGpuBlocks: 40_000 };
    await using server = await startTestSim({
      profile,
      maxBufferedBytes: 10_000,
      engine: { timeScale: 1000 },
    });
    const body = JSON.stringify({
      prompt: 'x',
      max_tokens: 300_000,
      ignore_eos: true,
      stream: true,
    });
    const socket = connect(server.ports[0] ?? 0, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(
      `POST ${COMPLETIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await vi.waitFor(
      async () => {
        expect(await server.metric('vllm:generation_tokens_total{')).toBeGreaterThan(0);
        expect(await server.metric('vllm:num_requests_running{')).toBe(0);
      },
      { timeout: 20_000 },
    );
    expect(await server.metric('vllm:generation_tokens_total{')).toBeLessThan(300_000);
    socket.destroy();
  }, 30_000);
});

describe('trouble', () => {
  test('a full queue answers 503 and is counted', async () => {
    await using server = await startTestSim({
      profile: slowProfile,
      engine: { maxNumSeqs: 1, maxWaitingRequests: 1 },
    });
    const body = { prompt: 'x', max_tokens: 400, ignore_eos: true, stream: true };
    const first = await server.post(COMPLETIONS, body);
    await settles(server, 1);
    const second = await server.post(COMPLETIONS, body);
    const third = await server.post(COMPLETIONS, body);
    expect(third.status).toBe(503);
    expect(await third.json()).toMatchObject({ error: { type: 'Service Unavailable', code: 503 } });
    expect(
      await server.metric(
        'vllm:admission_rejections_total{model_name="tiny",reason="max_num_queued_reqs"',
      ),
    ).toBe(1);
    await first.body?.cancel();
    await second.body?.cancel();
    await settles(server, 0);
  });

  test.each([
    ['rate_limit', 429],
    ['invalid_api_key', 401],
    ['context_length', 400],
    ['server_error', 503],
    ['invalid_request', 400],
    ['model_not_found', 404],
  ] as const)('failure %s answers %d', async (type, status) => {
    await using server = await startTestSim({ failures: { rate: 100, types: [type] } });
    const response = await server.post(CHAT, { messages: [user('Hi')] });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { code: status } });
    expect((await server.get('/health')).status).toBe(200);
  });

  test('a failure rate is a share of the requests', async () => {
    await using server = await startTestSim({ failures: { rate: 50, types: ['server_error'] } });
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const response = await server.post(COMPLETIONS, { prompt: 'x', max_tokens: 1 });
        await response.text();
        return response.status;
      }),
    );
    const failed = statuses.filter((status) => status === 503).length;
    expect(failed).toBeGreaterThan(15);
    expect(failed).toBeLessThan(45);
  });

  test('settings change while it runs, all or none', async () => {
    await using server = await startTestSim();
    const change = {
      'failure-injection-rate': 100,
      'failure-types': ['rate_limit'],
      'extra-ttft-ms': 5,
    };
    const changed = await (await server.post('/admin/config', change)).json();
    expect(changed).toEqual({
      ...change,
      'time-factor-under-load': 1,
      'prefill-factor': 1,
      'decode-factor': 1,
    });
    expect(await (await server.get('/admin/config')).json()).toEqual(changed);
    expect((await server.post(CHAT, { messages: [user('Hi')] })).status).toBe(429);
    const wrong = { 'failure-injection-rate': 0, 'decode-factor': -1 };
    expect((await server.post('/admin/config', wrong)).status).toBe(400);
    expect((await server.post('/admin/config', { nonsense: 1 })).status).toBe(400);
    expect(await (await server.get('/admin/config')).json()).toEqual(changed);
  });

  test('a body beyond the limit is refused', async () => {
    await using server = await startTestSim({ maxBodyBytes: 100 });
    const response = await server.post(COMPLETIONS, { prompt: 'x'.repeat(200) });
    expect(response.status).toBe(413);
  });

  test('a server that starts is not ready, but can be configured', async () => {
    await using server = await startTestSim({ startupDurationMs: 60_000 });
    expect((await server.get('/health')).status).toBe(503);
    expect((await server.post(CHAT, { messages: [user('Hi')] })).status).toBe(503);
    expect((await server.get('/admin/config')).status).toBe(200);
  });
});

describe('replicas', () => {
  test('have ports, caches and names of their own', async () => {
    await using server = await startTestSim({ replicas: 3, podName: 'p' });
    expect(new Set(server.ports).size).toBe(3);
    const pods = await Promise.all(
      server.ports.map(async (port) => {
        const response = await fetch(`http://127.0.0.1:${port}/health`);
        return response.headers.get('x-inference-pod');
      }),
    );
    expect(pods).toEqual(['p-0', 'p-1', 'p-2']);
  });

  test('a port in use is named with its flag, and nothing stays open', async () => {
    await using server = await startTestSim();
    const port = server.ports[0] ?? 0;
    const start = startTestSim({ port });
    await expect(start).rejects.toThrow(ListenError);
    await expect(start).rejects.toThrow(
      `port ${port} on 127.0.0.1 is already in use; choose another with --port`,
    );
  });
});

describe('closing', () => {
  test('lets answers under way finish while the patience lasts', async () => {
    const server = await startTestSim({ profile: slowProfile });
    const body = { prompt: 'x', max_tokens: 5, ignore_eos: true };
    const answer = server.post(COMPLETIONS, body);
    await settles(server, 1);
    await server.sim.close({ drainMs: 10_000 });
    expect((await answer).status).toBe(200);
    await expect(server.get('/health')).rejects.toThrow();
  });

  test('ends what is still running then', async () => {
    const server = await startTestSim({ profile: slowProfile });
    const body = { prompt: 'x', max_tokens: 400, ignore_eos: true };
    const whole = server.post(COMPLETIONS, body);
    const stream = await server.post(COMPLETIONS, { ...body, stream: true });
    await settles(server, 2);
    await server.sim.close();
    expect((await whole.catch(() => ({ status: 0 }))).status).not.toBe(200);
    await expect(stream.text()).rejects.toThrow();
    await delay(0);
  });
});
