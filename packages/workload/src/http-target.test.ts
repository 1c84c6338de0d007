import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VirtualClock, type Clock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { createHttpTarget, type HttpTargetOptions } from './http-target.ts';
import { openAiPath } from './openai-request.ts';
import { runWorkload } from './run-workload.ts';
import type { Target } from './target.ts';
import { openLoopWorkload, type WorkloadRequest } from './workload.ts';

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const piece = (content: string): string => event({ choices: [{ index: 0, delta: { content } }] });
const usage = event({
  choices: [],
  usage: {
    prompt_tokens: 20,
    completion_tokens: 2,
    prompt_tokens_details: { cached_tokens: 16 },
  },
});
const DONE = 'data: [DONE]\n\n';

type Handler = (response: ServerResponse, body: unknown, request: IncomingMessage) => unknown;

/** A server that closes itself, with what it was asked last. */
async function serve(handler: Handler) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
      void handler(response, body, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const workload = (request: Partial<WorkloadRequest> = {}) =>
  openLoopWorkload({ name: 'test', seed: 1, parameters: {} }, () => [
    { intendedAtMs: 0, prompt: 'abcd', inputTokens: 1, maxTokens: 2, ...request },
  ]);

/** The record of one request, on a clock that stands still. */
async function measure(url: string, options: Partial<HttpTargetOptions> = {}) {
  await using target = createHttpTarget({ url, model: 'm', ...options });
  const clock = new VirtualClock();
  const running = runWorkload(workload(), target, { clock });
  clock.advance(0);
  const { records } = await running.result;
  return records[0];
}

/** Resolves when the target has passed a piece of the answer on. */
function watchPieces(target: Target) {
  let wake: () => void = () => undefined;
  const watched: Target = {
    streaming: target.streaming,
    submit: (request, callbacks) =>
      target.submit(request, {
        onResponse: (response) => {
          callbacks.onResponse(response);
        },
        onContent: (text) => {
          callbacks.onContent(text);
          wake();
        },
        onUsage: (reported) => {
          callbacks.onUsage(reported);
        },
        onEnd: () => {
          callbacks.onEnd();
        },
        onFailure: (failure) => {
          callbacks.onFailure(failure);
        },
      }),
  };
  return {
    target: watched,
    nextPiece: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      }),
  };
}

describe('a streamed answer', () => {
  test('is measured on the run’s clock from the intended instant', async () => {
    const clock = new VirtualClock();
    /** Wakes the run 30 ms late, as a busy machine would. */
    const lateClock: Clock = {
      nowMs: () => clock.nowMs(),
      epochMs: () => clock.epochMs(),
      schedule: (delayMs, callback) => clock.schedule(delayMs + 30, callback),
    };
    await using server = await serve(async (response) => {
      response.writeHead(200, { 'x-inference-pod': 'pod-a', 'x-inference-port': '8000' });
      response.write(event({ choices: [{ delta: { role: 'assistant', content: '' } }] }));
      for (const waitMs of [100, 7]) {
        const arrived = watched.nextPiece();
        clock.advance(waitMs);
        response.write(piece('x'));
        await arrived;
      }
      response.end(usage + DONE);
    });
    await using target = createHttpTarget({ url: server.url, model: 'm' });
    const watched = watchPieces(target);
    const running = runWorkload(workload({ intendedAtMs: 20 }), watched.target, {
      clock: lateClock,
    });
    clock.advance(50);
    const { records, interTokenLatency } = await running.result;
    expect(records).toEqual([
      {
        intendedAtMs: 20,
        sentAtMs: 50,
        inputTokens: 1,
        outputTokens: 2,
        ttftMs: 130,
        tpotMs: 7,
        e2eMs: 137,
        promptTokens: 20,
        cachedTokens: 16,
        status: 200,
        endpoint: 'pod-a:8000',
      },
    ]);
    expect(interTokenLatency.distribution()).toMatchObject({ count: 1, mean: 7 });
  });

  test.each<[string, string, Handler]>([
    [
      'ends before [DONE]',
      'truncated',
      (response) => response.writeHead(200).end(piece('x') + usage),
    ],
    [
      'breaks off',
      'truncated',
      (response) => {
        response.writeHead(200).write(piece('x'), () => response.destroy());
      },
    ],
    [
      'reports an error',
      'stream-error',
      (response) => response.writeHead(200).end(piece('x') + event({ error: { message: 'oh' } })),
    ],
    ['is no JSON', 'invalid-response', (response) => response.writeHead(200).end('data: {\n\n')],
    [
      'is of no API',
      'invalid-response',
      (response) => response.writeHead(200).end(event({ a: 1 })),
    ],
    ['never begins', 'connect', (response) => response.destroy()],
  ])('that %s is a failure of its own kind', async (_, kind, handler) => {
    await using server = await serve(handler);
    expect((await measure(server.url))?.failure?.kind).toBe(kind);
  });
});

test('a stream that reports an error is not listened to any longer', async () => {
  let closed: Promise<unknown> = Promise.reject(new Error('nothing was asked'));
  closed.catch(() => undefined);
  await using server = await serve((response) => {
    closed = once(response, 'close');
    response.writeHead(200).write(event({ error: { message: 'oh' } }));
  });
  expect((await measure(server.url))?.failure).toEqual({ kind: 'stream-error', message: 'oh' });
  await closed;
});

test.each([429, 503, 404])(
  'status %i is a failure that says what the server said',
  async (status) => {
    await using server = await serve((response) =>
      response.writeHead(status, { 'x-inference-pod': 'a' }).end('{"error":{"message":"full"}}'),
    );
    expect(await measure(server.url)).toMatchObject({
      status,
      endpoint: 'a',
      failure: { kind: 'http', message: `status ${status}: {"error":{"message":"full"}}` },
    });
  },
);

test('a refused connection is a failure', async () => {
  let url;
  {
    await using server = await serve(() => undefined);
    ({ url } = server);
  }
  const record = await measure(url);
  expect(record?.failure?.kind).toBe('connect');
  expect(record).not.toHaveProperty('status');
});

test('a server that never answers is given up, and its connection closed', async () => {
  let tell: (response: ServerResponse) => void;
  const asked = new Promise<ServerResponse>((resolve) => {
    tell = resolve;
  });
  await using server = await serve((response) => {
    tell(response);
  });
  await using target = createHttpTarget({ url: server.url, model: 'm' });
  const clock = new VirtualClock();
  const running = runWorkload(workload(), target, { clock, timeoutMs: 5000 });
  clock.advance(0);
  const response = await asked;
  const closed = once(response, 'close');
  clock.advance(5000);
  const { records } = await running.result;
  expect(records[0]).toMatchObject({ e2eMs: 5000, failure: { kind: 'timeout' } });
  await closed;
});

describe('what the server is asked', () => {
  const seen: { url?: string | undefined; user?: unknown; body?: unknown } = {};
  let id: unknown;
  const answer: Handler = (response, body, request) => {
    Object.assign(seen, { url: request.url, user: request.headers['x-user-id'], body });
    id = request.headers['x-request-id'];
    response.writeHead(200).end(piece('x') + DONE);
  };
  const ask = async (options: Partial<HttpTargetOptions>, request: Partial<WorkloadRequest>) => {
    await using server = await serve(answer);
    await using target = createHttpTarget({ url: server.url, model: 'm', ...options });
    const clock = new VirtualClock();
    const running = runWorkload(workload(request), target, { clock });
    clock.advance(0);
    await running.result;
    return { ...seen };
  };
  const common = { model: 'm', max_tokens: 2, temperature: 0, ignore_eos: true, stream: true };

  test('is a chat with usage, and who asks', async () => {
    expect(await ask({}, { sessionId: 'user-1' })).toEqual({
      url: '/v1/chat/completions',
      user: 'user-1',
      body: {
        ...common,
        messages: [{ role: 'user', content: 'abcd' }],
        stream_options: { include_usage: true },
      },
    });
  });

  test('has headers of its own where they are wanted', async () => {
    const requestHeaders = ({ maxTokens }: WorkloadRequest) => ({
      'x-request-id': `r${maxTokens}`,
    });
    await ask({ requestHeaders }, { sessionId: 'user-1' });
    expect([id, seen.user]).toEqual(['r2', 'user-1']);
  });

  test('is a completion whose conversation is one text', async () => {
    const prompt = [
      { role: 'system', content: 'be' },
      { role: 'user', content: 'hi' },
    ] as const;
    expect(await ask({ api: 'completions' }, { prompt })).toMatchObject({
      url: '/v1/completions',
      body: { ...common, prompt: 'system: be\nuser: hi\n' },
    });
  });
});

describe('an answer that is not streamed', () => {
  test('has its text, usage and end', async () => {
    await using server = await serve((response, body) => {
      expect(body).toMatchObject({ stream: false });
      response.writeHead(200).end(
        JSON.stringify({
          choices: [{ message: { content: 'hello' } }],
          usage: { prompt_tokens: 9, completion_tokens: 2 },
        }),
      );
    });
    const record = await measure(server.url, { streaming: false });
    expect(record).toMatchObject({ outputTokens: 2, promptTokens: 9, status: 200 });
    expect(record).not.toHaveProperty('failure');
    expect(record).not.toHaveProperty('ttftMs');
  });

  test.each(['<html>', '{"object":"list"}', '{"error":{"message":"no"}}'])(
    'that reads %s is a failure',
    async (body) => {
      await using server = await serve((response) => response.writeHead(200).end(body));
      const record = await measure(server.url, { streaming: false });
      expect(record?.failure?.kind).toBe('invalid-response');
    },
  );
});

test.each([
  ['http://h/', '/v1/chat/completions'],
  ['http://h/v1', '/v1/chat/completions'],
  ['http://h/base/v1/', '/base/v1/chat/completions'],
])('the base URL %s leads to %s', (base, path) => {
  expect(openAiPath(new URL(base).pathname, 'chat')).toBe(path);
});
