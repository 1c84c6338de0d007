import { openRawConnection, readExposition, startModelServer } from '@llm-d/test-kit';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { ask, startTestGateway, type TestGateway } from './gateway.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });
const WAIT = { timeout: 20_000, interval: 20 };

/** Resolves when no request is left anywhere in the gateway. */
const untilIdle = (gateway: TestGateway) =>
  vi.waitFor(async () => {
    const metrics = await readExposition(gateway.url);
    expect([gateway.inFlight(), metrics.sum('llm_d_epp_request_running')]).toEqual([0, 0]);
    const { endpoints } = (await (await fetch(`${gateway.url}/debug/endpoints`)).json()) as {
      endpoints: { reservedRequests: number }[];
    };
    expect(endpoints.filter(({ reservedRequests }) => reservedRequests > 0)).toEqual([]);
  }, WAIT);

const ejected = async (gateway: TestGateway): Promise<readonly (string | null)[]> => {
  const { endpoints } = (await (await fetch(`${gateway.url}/debug/endpoints`)).json()) as {
    endpoints: { ejected: string | null }[];
  };
  return endpoints.map((endpoint) => endpoint.ejected);
};

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const request = (body: string): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
const chat = '{"model":"test-model","messages":[{"role":"user","content":"Hi"}]}';

/** Sends every request to a server of its own choice first: the one that was given first, unless it is left out. */
const inOrder = [
  '--config-text',
  `apiVersion: llm-d.ai/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: queue-scorer
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
  - pluginRef: max-score-picker
`,
];

/** Two servers, the second of which looks so busy that it is only a fall-back. */
async function twoServers(...args: readonly string[]) {
  const first = await startModelServer();
  const second = await startModelServer({ load: { waiting: 100, running: 100 } });
  const gateway = await startTestGateway([first, second], ...inOrder, ...args);
  await vi.waitFor(async () => {
    const { endpoints } = (await (await fetch(`${gateway.url}/debug/endpoints`)).json()) as {
      endpoints: { waitingRequests: number }[];
    };
    expect(endpoints.map(({ waitingRequests }) => waitingRequests)).toEqual([0, 100]);
  }, WAIT);
  return {
    ...{ first, second, gateway },
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await first.close();
      await second.close();
    },
  };
}

describe('a server that fails before it has said anything', () => {
  test.each([
    ['resets the connection', { kind: 'die', when: 'before-head' }],
    ['dies after its head', { kind: 'die', when: 'after-head' }],
    ['says 503', { kind: 'answer', status: 503 }],
  ] as const)('is replaced when it %s', async (_, behaviour) => {
    await using stack = await twoServers();
    stack.first.follow(() => behaviour);
    const answer = await ask(stack.gateway);
    expect([answer.status, stack.first.requests.length, stack.second.requests.length]).toEqual([
      ...[200, 1, 1],
    ]);
    expect(stack.second.requests[0]?.body).toEqual(stack.first.requests[0]?.body);
    await answer.text();
    await untilIdle(stack.gateway);
  });

  test('is replaced when it refuses connections', async () => {
    await using server = await startModelServer({ load: { waiting: 100, running: 100 } });
    const dead = { url: `http://127.0.0.1:${await deadPort()}` };
    await using gateway = await startTestGateway([dead, server]);
    for (let i = 0; i < 10; i++) expect((await ask(gateway)).status).toBe(200);
    expect(server.requests).toHaveLength(10);
  });

  test('is left out for a while after a reset, and not after a 503', async () => {
    await using server = await startModelServer();
    // A scrape would find it well again.
    await using gateway = await startTestGateway([server], '--refresh-metrics-interval', '9000000');
    server.follow(() => ({ kind: 'answer', status: 503 }));
    await (await ask(gateway)).text();
    expect(await ejected(gateway)).toEqual([null]);
    server.follow(() => ({ kind: 'die', when: 'before-head' }));
    await (await ask(gateway)).text();
    expect(await ejected(gateway)).toEqual(['request reset']);
  });

  test('is not replaced more often than --max-attempts says', async () => {
    await using stack = await twoServers('--max-attempts', '1');
    stack.first.follow(() => ({ kind: 'die', when: 'before-head' }));
    const failed = await ask(stack.gateway);
    expect([failed.status, await failed.json()]).toMatchObject([
      502,
      { error: { code: 'bad_gateway' } },
    ]);
    expect(stack.second.requests).toHaveLength(0);
  });

  test('gets its 503 through when there is no other, its words included', async () => {
    await using stack = await twoServers('--max-attempts', '1');
    stack.first.follow(() => ({ kind: 'answer', status: 503, body: '{"mine":1}' }));
    const answer = await ask(stack.gateway);
    expect([answer.status, await answer.text()]).toEqual([503, '{"mine":1}']);
  });

  test('leads to 503 and when to come back, if all of them fail', async () => {
    await using stack = await twoServers();
    for (const server of [stack.first, stack.second]) {
      server.follow(() => ({ kind: 'die', when: 'before-head' }));
    }
    const answer = await ask(stack.gateway);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(answer.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-no-endpoints');
    expect(await answer.json()).toMatchObject({ error: { code: 'service_unavailable' } });
    await untilIdle(stack.gateway);
  });

  test.each([['before its head'], ['after its head']])(
    'is not replaced when it is silent %s: it may still be working',
    async (when) => {
      await using stack = await twoServers(
        ...['--response-timeout', '500', '--idle-timeout', '500'],
      );
      stack.first.follow(() =>
        when === 'after its head' ? { kind: 'hang', after: 'head' } : { kind: 'hang' },
      );
      const answer = await ask(stack.gateway);
      expect([answer.status, await answer.json()]).toMatchObject([
        504,
        { error: { code: 'gateway_timeout', type: 'server_error' } },
      ]);
      expect(stack.second.requests).toHaveLength(0);
      await vi.waitFor(() => {
        expect(stack.first.requests[0]?.state).toBe('cut');
      }, WAIT);
      await untilIdle(stack.gateway);
    },
  );
});

describe('an answer', () => {
  test('reaches the client as it is, other errors than 503 too', async () => {
    await using server = await startModelServer();
    await using gateway = await startTestGateway([server]);
    for (const status of [200, 201, 400, 404, 429, 500, 502]) {
      server.follow(() => ({
        ...{ kind: 'answer', status, body: `{"status":${status}}` },
        headers: { 'x-inference-pod': 'p', 'retry-after': '9' },
      }));
      const answer = await ask(gateway, { headers: { 'x-request-id': `id-${status}` } });
      expect([answer.status, await answer.text()]).toEqual([status, `{"status":${status}}`]);
      expect(answer.headers.get('x-inference-pod')).toBe('p');
      expect(answer.headers.get('retry-after')).toBe('9');
      expect(answer.headers.get('x-request-id')).toBe(`id-${status}`);
    }
    expect(server.requests).toHaveLength(7);
  });

  test('has its head held until its first byte', async () => {
    await using server = await startModelServer({
      script: () => ({ kind: 'hang', after: 'head' }),
    });
    await using gateway = await startTestGateway([server]);
    using raw = await openRawConnection(gateway.port);
    raw.write(request(chat));
    await vi.waitFor(() => {
      expect(server.running).toBe(1);
    }, WAIT);
    // Time enough for a head that is not held.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(raw.text).toBe('');
    server.follow(() => ({ kind: 'hang', after: 'chunk' }));
    using second = await openRawConnection(gateway.port);
    second.write(request(chat));
    expect(await second.received(/w0/)).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test('without a body has its head nevertheless', async () => {
    await using server = await startModelServer({ script: () => ({ kind: 'answer', body: '' }) });
    await using gateway = await startTestGateway([server]);
    const answer = await ask(gateway);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  test.each([['HTTP/1.1'], ['HTTP/2']])(
    'that breaks off in the middle is cut over %s and not begun again',
    async (protocol) => {
      await using stack = await twoServers();
      stack.first.follow(() => ({ kind: 'die', when: 'mid-stream' }));
      if (protocol === 'HTTP/1.1') {
        const answer = await ask(stack.gateway);
        expect(answer.status).toBe(200);
        await expect(answer.text()).rejects.toThrow('terminated');
      } else {
        const session = connectHttp2(stack.gateway.url);
        const stream = session.request({
          ...{ ':method': 'POST', ':path': '/v1/chat/completions' },
        });
        stream.end(chat);
        await expect(text(stream)).rejects.toThrow(/NGHTTP2_|aborted|Premature/);
        session.destroy();
      }
      expect([stack.first.requests.length, stack.second.requests.length]).toEqual([1, 0]);
      await untilIdle(stack.gateway);
    },
  );

  test.each([['HTTP/1.1'], ['HTTP/2']])(
    'waits at its server for a client that does not read, over %s',
    async (protocol) => {
      const bytes = 96 * 2 ** 20;
      await using server = await startModelServer({ script: () => ({ kind: 'huge', bytes }) });
      await using gateway = await startTestGateway([server]);
      await using client = await slowClient(gateway, protocol);
      const written = () => server.requests[0]?.bytesWritten ?? 0;
      let before = -1;
      await vi.waitFor(
        () => {
          const since = before;
          before = written();
          expect([written() > 0, written()]).toEqual([true, since]);
        },
        { timeout: 30_000, interval: 500 },
      );
      // What the kernel's and both processes' buffers hold; the rest stays where it is.
      expect(written()).toBeLessThan(bytes / 3);
      expect(await client.rest()).toBe(bytes);
      await untilIdle(gateway);
    },
    60_000,
  );
});

/** A client that reads nothing until it is asked for the number of bytes in the answer's body. */
async function slowClient(gateway: TestGateway, protocol: string) {
  if (protocol === 'HTTP/1.1') {
    const raw = await openRawConnection(gateway.port);
    raw.pause();
    raw.write(request(chat).replace('host: x', 'host: x\r\nconnection: close'));
    return {
      rest: async () => {
        raw.resume();
        const answer = await raw.closed;
        return answer.length - answer.indexOf('\r\n\r\n') - 4;
      },
      [Symbol.asyncDispose]: async () => {
        raw.destroy();
        await raw.closed;
      },
    };
  }
  const session = connectHttp2(gateway.url);
  const stream = session.request({ ':method': 'POST', ':path': '/v1/chat/completions' });
  stream.end(chat);
  return {
    rest: async () => {
      let bytes = 0;
      for await (const chunk of stream) bytes += (chunk as Buffer).length;
      return bytes;
    },
    [Symbol.asyncDispose]: async () => {
      session.destroy();
      await new Promise(setImmediate);
    },
  };
}

describe('a client that leaves', () => {
  test.each([
    ['before the head', { kind: 'hang' }],
    ['after the head', { kind: 'hang', after: 'head' }],
    ['in the middle', { kind: 'hang', after: 'chunk' }],
    ['while it does not read', { kind: 'huge', bytes: 2 ** 26 }],
  ] as const)('%s ends its request at the server, which is not blamed', async (_, behaviour) => {
    await using server = await startModelServer({ script: () => behaviour });
    await using gateway = await startTestGateway([server]);
    using raw = await openRawConnection(gateway.port);
    raw.pause();
    raw.write(request(chat));
    await vi.waitFor(() => {
      expect(server.running).toBe(1);
    }, WAIT);
    await new Promise((resolve) => setTimeout(resolve, 50));
    raw.destroy();
    await vi.waitFor(() => {
      expect(server.requests.map(({ state }) => state)).toEqual(['cut']);
    }, WAIT);
    await untilIdle(gateway);
    expect(await ejected(gateway)).toEqual([null]);
    const metrics = await readExposition(gateway.url);
    expect(metrics.sum('llm_d_epp_request_error_total', { error_code: 'ClientDisconnect' })).toBe(
      1,
    );
    expect(metrics.sum('llm_d_epp_request_error_total', { error_code: 'UpstreamError' })).toBe(0);
  });

  test('over HTTP/2 ends one request and not its neighbours', async () => {
    await using server = await startModelServer({
      script: () => ({ kind: 'hang', after: 'chunk' }),
    });
    await using gateway = await startTestGateway([server]);
    const session = connectHttp2(gateway.url);
    const streams = [1, 2].map(() => {
      const stream = session.request({ ':method': 'POST', ':path': '/v1/chat/completions' });
      stream.on('error', () => undefined);
      stream.end(chat);
      return stream;
    });
    await Promise.all(streams.map((stream) => once(stream, 'data')));
    streams[0]?.close(8);
    await vi.waitFor(() => {
      expect(server.requests.map(({ state }) => state).sort()).toEqual(['cut', 'running']);
    }, WAIT);
    expect(gateway.inFlight()).toBe(1);
    session.destroy();
    await untilIdle(gateway);
    expect(await ejected(gateway)).toEqual([null]);
  });

  test('before its request is complete leaves nothing', async () => {
    await using server = await startModelServer();
    await using gateway = await startTestGateway([server]);
    using raw = await openRawConnection(gateway.port);
    raw.write(request(chat).slice(0, -5));
    await vi.waitFor(() => {
      expect(gateway.inFlight()).toBe(1);
    }, WAIT);
    raw.destroy();
    await untilIdle(gateway);
    expect(server.requests).toHaveLength(0);
  });
});

describe('a request', () => {
  test('beyond --max-in-flight is refused at once', async () => {
    await using server = await startModelServer({ script: () => ({ kind: 'hang' }) });
    await using gateway = await startTestGateway([server], '--max-in-flight', '2');
    using first = await openRawConnection(gateway.port);
    using second = await openRawConnection(gateway.port);
    for (const raw of [first, second]) raw.write(request(chat));
    await vi.waitFor(() => {
      expect(server.running).toBe(2);
    }, WAIT);
    const refused = await ask(gateway);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await refused.json()).toMatchObject({ error: { code: 'service_unavailable' } });
    first.destroy();
    second.destroy();
    await untilIdle(gateway);
  });

  test('goes to a server that serves its model', async () => {
    await using one = await startModelServer({ models: ['base', 'one'] });
    await using two = await startModelServer({ models: ['base', 'two'] });
    await using gateway = await startTestGateway([one, two]);
    await vi.waitFor(async () => {
      const { data } = (await (await fetch(`${gateway.url}/v1/models`)).json()) as {
        data: unknown[];
      };
      expect(data).toHaveLength(3);
    }, WAIT);
    for (let i = 0; i < 6; i++) {
      expect((await ask(gateway, { body: chat.replace('test-model', 'two') })).status).toBe(200);
    }
    expect([one.requests.length, two.requests.length]).toEqual([0, 6]);
    expect((await ask(gateway, { body: chat.replace('test-model', 'three') })).status).toBe(404);
  });

  test('to a gateway without servers is refused with a reason', async () => {
    await using gateway = await startTestGateway([]);
    const answer = await ask(gateway);
    expect([answer.status, answer.headers.get('x-llm-d-request-dropped-reason')]).toEqual([
      ...[503, 'rejected-no-endpoints'],
    ]);
    const ready = await fetch(`${gateway.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      ...[503, { status: 'not ready', reason: 'no model server is known' }],
    ]);
  });
});

test('a gateway that closes lets requests finish, cuts what takes too long, and frees its port', async () => {
  await using server = await startModelServer({ script: () => ({ kind: 'hang', after: 'chunk' }) });
  await using gateway = await startTestGateway([server]);
  const answer = await ask(gateway);
  await gateway.close();
  await expect(answer.text()).rejects.toThrow('terminated');
  await expect(ask(gateway)).rejects.toThrow('fetch failed');
  await vi.waitFor(() => {
    expect([server.running, server.connections]).toEqual([0, 0]);
  }, WAIT);
});
