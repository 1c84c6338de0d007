import { openRawConnection } from '@llm-d/test-kit';
import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { rejectionOf } from '../proxy/error-answer.ts';
import {
  ListenError,
  PortInUseError,
  listen,
  type FrontRequest,
  type FrontResponse,
  type ListenerOptions,
} from './listener.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });
const WAIT = { timeout: 20_000, interval: 20 };

/** A listener on a free port; it answers with what it was asked, or leaves that to the test where the path is `/held`. */
async function start(options: Partial<ListenerOptions> = {}) {
  const held: { request: FrontRequest; response: FrontResponse }[] = [];
  const listener = await listen({
    ...{ host: '127.0.0.1', port: 0, maxHeaderBytes: 8192, rejectHttp1: rejectionOf },
    handle: (request, response) => {
      if (request.url === '/held') {
        held.push({ request, response });
        return;
      }
      void answer(request, response);
    },
    ...options,
  });
  return {
    ...listener,
    held,
    [Symbol.dispose]: () => {
      listener.destroy();
      void listener.drain();
    },
  };
}

async function answer(request: FrontRequest, response: FrontResponse): Promise<void> {
  // A client that breaks off gets no answer.
  const body = await text(request).catch(() => undefined);
  if (body === undefined) return;
  response.writeHead(200, {});
  response.end(`${request.httpVersion} ${request.method ?? ''} ${request.url ?? ''} ${body}`);
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

function session(port: number): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  client.on('error', () => undefined);
  return client;
}

async function answerOver2(client: ClientHttp2Session, body: string): Promise<string> {
  const stream = client.request({ ':method': 'POST', ':path': '/two' });
  stream.end(body);
  return text(stream);
}

describe('one port', () => {
  test('speaks HTTP/1.1 and HTTP/2', async () => {
    using listener = await start();
    const first = await fetch(`http://127.0.0.1:${listener.port}/one`, {
      method: 'POST',
      body: 'b',
    });
    expect(await first.text()).toBe('1.1 POST /one b');
    const client = session(listener.port);
    expect(await answerOver2(client, 'x'.repeat(100_000))).toBe(
      `2.0 POST /two ${'x'.repeat(100_000)}`,
    );
    client.destroy();
  });

  test('takes a request that comes byte by byte', async () => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    for (const byte of get('/one')) {
      raw.write(byte);
      await new Promise(setImmediate);
    }
    expect(await raw.received(/1\.1 GET \/one/)).toMatch(/^HTTP\/1\.1 200 OK/);
  });

  test('takes an HTTP/2 preface in pieces', async () => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    raw.write('P');
    await new Promise((resolve) => setTimeout(resolve, 20));
    raw.write('RI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    // An empty SETTINGS frame from us, and the server's begins with its length, type 4 and stream 0.
    raw.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const frame = Buffer.from(await raw.received(/^[^]{9}/), 'latin1');
    expect([frame[3], frame.readUInt32BE(5)]).toEqual([4, 0]);
  });

  test('answers requests that come in one piece in their order', async () => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    raw.write(get('/a') + get('/b'));
    expect(await raw.received(/\/b/)).toMatch(/\/a.*\/b/s);
  });

  test('that is taken is an error of its own', async () => {
    using listener = await start();
    const again = start({ port: listener.port });
    await expect(again).rejects.toThrow(PortInUseError);
    await expect(again).rejects.toThrow(
      `port ${listener.port} on 127.0.0.1 is in use; choose another with --port`,
    );
  });

  test('of an address that is not ours is another', async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow(ListenError);
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow(/192\.0\.2\.1.*--host/);
  });
});

describe('bytes that are no request', () => {
  const post = 'POST / HTTP/1.1\r\nhost: x\r\n';
  test.each([
    ['a head that is too long', `${post}x: ${'a'.repeat(9000)}\r\n\r\n`, 431],
    ['two lengths', `${post}content-length: 1\r\ncontent-length: 2\r\n\r\n`, 400],
    ['a length that is no number', `${post}content-length: x\r\n\r\n`, 400],
    ['a length and chunks', `${post}content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`, 400],
    ['a header folded over lines', `${post}x: a\r\n b: c\r\n\r\n`, 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['noise', '\0\x01\x02\r\n\r\n', 400],
  ])('%s get an answer and an end', async (_, bytes, status) => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    raw.write(bytes);
    expect(await raw.closed).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect((await fetch(`http://127.0.0.1:${listener.port}/`)).status).toBe(200);
  });

  test('never get into an answer that is under way', async () => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    raw.write(get('/held'));
    await vi.waitFor(() => {
      expect(listener.held).toHaveLength(1);
    }, WAIT);
    listener.held[0]?.response.writeHead(200, { 'content-length': '100' });
    listener.held[0]?.response.write('begun');
    await raw.received(/begun/);
    raw.write('no request\r\n\r\n');
    expect(await raw.closed).toMatch(/begun$/);
  });

  test('over HTTP/2 end its connection and nothing else', async () => {
    using listener = await start();
    using raw = await openRawConnection(listener.port);
    raw.write(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${'noise'.repeat(100)}`);
    await raw.closed;
    expect((await fetch(`http://127.0.0.1:${listener.port}/`)).status).toBe(200);
  });
});

describe('a client that takes its time', () => {
  const quick = { headTimeoutMs: 300, requestTimeoutMs: 600 };

  test.each([
    ['says nothing', '', ''],
    ['stops within its head', 'GET / HTTP/1.1\r\nho', 'HTTP/1.1 408'],
    [
      'stops within its body',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc',
      'HTTP/1.1 408',
    ],
  ])('is cut off when it %s', async (_, bytes, answer) => {
    using listener = await start(quick);
    using raw = await openRawConnection(listener.port);
    raw.write(bytes);
    expect((await raw.closed).slice(0, 12)).toBe(answer);
  });

  test('is cut off over HTTP/2 as well, its request and not its session', async () => {
    using listener = await start(quick);
    const client = session(listener.port);
    const stalled = client.request({ ':method': 'POST', ':path': '/two' });
    stalled.on('error', () => undefined);
    stalled.write('abc');
    await once(stalled, 'close');
    expect(await answerOver2(client, 'again')).toBe('2.0 POST /two again');
    client.destroy();
  });

  test('may wait for its answer for longer than it may take to ask', async () => {
    using listener = await start(quick);
    const client = session(listener.port);
    const stream = client.request({ ':method': 'GET', ':path': '/held' });
    stream.end();
    await vi.waitFor(() => {
      expect(listener.held).toHaveLength(1);
    }, WAIT);
    listener.held[0]?.request.resume();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    listener.held[0]?.response.writeHead(200, {});
    listener.held[0]?.response.end('late');
    expect(await text(stream)).toBe('late');
    client.destroy();
  });
});

describe('draining', () => {
  test('closes what is idle and what has not spoken, and lets requests finish', async () => {
    using listener = await start();
    using silent = await openRawConnection(listener.port);
    using idle = await openRawConnection(listener.port);
    using busy = await openRawConnection(listener.port);
    idle.write(get('/one'));
    await idle.received(/\/one/);
    busy.write(get('/held'));
    const client = session(listener.port);
    const answered = text(client.request({ ':path': '/held' }));
    await vi.waitFor(() => {
      expect(listener.held).toHaveLength(2);
    }, WAIT);

    let drained = false;
    const draining = listener.drain().then(() => (drained = true));
    await Promise.all([silent.closed, idle.closed]);
    await expect(openRawConnection(listener.port)).rejects.toThrow('ECONNREFUSED');
    expect(drained).toBe(false);
    for (const { response } of listener.held) {
      response.writeHead(200, {});
      response.end('finished');
    }
    expect(await busy.closed).toMatch(/finished/);
    expect(await answered).toBe('finished');
    await draining;
  });

  test('ends at once when what is left is cut', async () => {
    using listener = await start();
    using busy = await openRawConnection(listener.port);
    busy.write(get('/held'));
    await vi.waitFor(() => {
      expect(listener.held).toHaveLength(1);
    }, WAIT);
    const draining = listener.drain();
    listener.destroy();
    await draining;
    expect(await busy.closed).toBe('');
  });
});
