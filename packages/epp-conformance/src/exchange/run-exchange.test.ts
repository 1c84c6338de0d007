// Exchanges with an endpoint picker in this process, as plain values.
import { systemClock } from '@llm-d/determinism';
import { createGrpcServer } from '@llm-d/grpc-server';
import { externalProcessorProcessPath } from '@llm-d/protos';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createConnectionPool, type ConnectionPool } from '../proxy/connection-pool.ts';
import type { Misbehaviour } from '../scripted/misbehaviour.testing.ts';
import { scriptedSubject } from '../scripted/scripted-subject.testing.ts';
import { setups } from '../subject/setup.ts';
import type { RunningSubject } from '../subject/subject.ts';
import type { ExchangeResult } from './exchange-result.ts';
import type { ExchangeScript } from './exchange-script.ts';
import { runExchange } from './run-exchange.ts';

// The machine may be busy with something else.
vi.setConfig({ testTimeout: 60_000 });

const started: AsyncDisposable[] = [];
afterAll(async () => {
  for (const one of started) await one[Symbol.asyncDispose]();
});

async function connectTo(
  ...misbehaviours: readonly Misbehaviour[]
): Promise<{ readonly subject: RunningSubject; readonly pool: ConnectionPool }> {
  const subject = await scriptedSubject(...misbehaviours).start(setups.default);
  if (subject.kind !== 'running') throw new Error(subject.reason);
  started.push(subject);
  const { grpc, transport } = subject;
  const pool = await createConnectionPool(grpc, { transport, clock: systemClock, waitMs: 5000 });
  started.unshift({
    [Symbol.asyncDispose]: () => {
      pool[Symbol.dispose]();
      return Promise.resolve();
    },
  });
  return { subject, pool };
}

const body = '{"messages":[{"content":"Hi","role":"user"}],"model":"test-model"}';
const chat: ExchangeScript = {
  path: '/v1/chat/completions',
  headers: [['x-request-id', 'r-1']],
  body,
  bodyEnding: 'last-chunk',
  answer: { chunks: ['{"model":"test-model"}'] },
};

const play = async (
  pool: ConnectionPool,
  script: ExchangeScript,
  waitMs = 5000,
): Promise<ExchangeResult> => runExchange(await pool.openStream(), script, waitMs);

describe('an exchange', () => {
  let pool: ConnectionPool;
  let first: string;
  beforeAll(async () => {
    const { subject, pool: connected } = await connectTo();
    pool = connected;
    first = subject.fleet.hostPorts[0] ?? '';
  });

  test('is told as a value with all that was said', async () => {
    const { requestHeaders, ...result } = await play(pool, { ...chat, subset: [first] });
    expect(requestHeaders).toContainEqual([':path', '/v1/chat/completions']);
    expect(result).toEqual({
      answers: ['request-headers', 'request-body', 'response-headers', 'response-body'],
      routing: {
        change: {
          set: [
            ['x-gateway-destination-endpoint', first],
            ['Content-Length', '66'],
            ['x-request-id', 'r-1'],
          ].map(([name, value]) => ({ name, value, field: 'raw_value', action: 'set' })),
          removed: [],
        },
        headers: [
          ...requestHeaders.filter(([name]) => name !== 'x-request-id'),
          ['x-gateway-destination-endpoint', first],
          ['content-length', '66'],
          ['x-request-id', 'r-1'],
        ],
        destination: first,
        metadataDestination: first,
        clearsRouteCache: true,
        metadata: { 'envoy.lb': { 'x-gateway-destination-endpoint': first } },
      },
      requestBody: { bytes: Buffer.from(body), chunkBytes: [66], ends: 1 },
      immediate: undefined,
      responseChange: { set: [], removed: [] },
      responseHeaders: [
        [':status', '200'],
        ['content-type', 'application/json'],
      ],
      responseBody: { bytes: Buffer.from('{"model":"test-model"}'), chunkBytes: [22], ends: 1 },
      stalledChunk: undefined,
      responseMetadata: undefined,
      end: undefined,
      silence: undefined,
      offences: [],
    });
  });

  test('that is refused says with what', async () => {
    const { immediate, answers, routing } = await play(pool, { ...chat, subset: [] });
    expect(immediate).toMatchObject({
      status: 503,
      body: expect.stringContaining('failed to find endpoint candidates') as string,
      change: { set: [{ name: 'x-llm-d-request-dropped-reason', value: 'rejected-no-endpoints' }] },
    });
    expect([answers, routing]).toEqual([['immediate'], undefined]);
  });

  test('whose stream ends says how', async () => {
    const { end } = await play(pool, { ...chat, finish: 'half-close' });
    expect(end).toEqual({ kind: 'status', code: 0, message: '' });
  });

  test('with a method that nobody serves ends with its status', async () => {
    const stream = await pool.openStream({ method: '/no.Service/Method' });
    const { end } = await runExchange(stream, chat, 5000);
    expect(end).toMatchObject({ kind: 'status', code: 12 });
  });
});

describe('what goes wrong in an exchange is told', () => {
  test.each<[Misbehaviour, Partial<ExchangeScript>, Partial<ExchangeResult>]>([
    ['body before headers', {}, { offences: ['request body before the answer to its headers'] }],
    ['routes, then refuses', { body: 'no JSON' }, { answers: ['request-headers', 'immediate'] }],
    [
      'talks after a refusal',
      { body: 'no JSON', lingerMs: 200 },
      { offences: ['request-headers after an immediate response'] },
    ],
    [
      'ignores request trailers',
      { bodyEnding: 'trailers' },
      { silence: 'the answer to the request' },
    ],
    ['marks no end', {}, { silence: 'the answer to the response' }],
    [
      'holds streams',
      {
        answer: {
          headers: [['content-type', 'text/event-stream']],
          chunks: ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'],
          isStepwise: true,
        },
      },
      { stalledChunk: 0 },
    ],
  ])('%s', async (misbehaviour, more, expected) => {
    const { pool } = await connectTo(misbehaviour);
    expect(await play(pool, { ...chat, ...more }, 300)).toMatchObject(expected);
  });
});

test('streams go to another connection where there is no room on the first', async () => {
  const server = createGrpcServer({ limits: { maxConcurrentStreams: 2 } });
  onTestFinished(() => server.close());
  server.handle(externalProcessorProcessPath, () => ({}));
  const grpc = { host: '127.0.0.1', port: 0 };
  const { port } = await server.listen(grpc);
  const options = { transport: 'plaintext', clock: systemClock, waitMs: 5000 } as const;
  using pool = await createConnectionPool({ ...grpc, port }, options);
  const streams = [];
  for (let i = 0; i < 5; i++) streams.push(await pool.openStream());
  await expect.poll(() => [server.openConnections, server.openStreams]).toEqual([3, 5]);
  for (const stream of streams) stream.reset();
  await expect.poll(() => server.openStreams).toBe(0);
});

test('nobody at the other end is an error with the address', async () => {
  const options = { transport: 'auto', clock: systemClock, waitMs: 1000 } as const;
  await expect(createConnectionPool({ host: '127.0.0.1', port: 1 }, options)).rejects.toMatchObject(
    {
      code: 'CONNECT',
      address: { host: '127.0.0.1', port: 1 },
    },
  );
});
