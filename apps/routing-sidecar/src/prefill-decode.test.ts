import {
  openRawConnection,
  startModelServer,
  type ModelServer,
  type ReceivedRequest,
  type Script,
} from '@llm-d/test-kit';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import {
  ask,
  chat,
  prefillAnswer,
  startTestSidecar,
  transferParams,
  via,
} from './sidecar.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });

const prefills: Script = () => ({ kind: 'answer', body: prefillAnswer() });
const decoded =
  '{"id":"d","usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":0}}}';
const corrected = decoded.replace('"cached_tokens":0', '"cached_tokens":7');

const bodyOf = (request: ReceivedRequest | undefined): Record<string, unknown> =>
  JSON.parse(request?.body.toString() ?? 'null') as Record<string, unknown>;
const only = (server: ModelServer): ReceivedRequest | undefined => {
  expect(server.requests).toHaveLength(1);
  return server.requests[0];
};

describe('a request with a prefiller', () => {
  test('is prefilled there and decoded here, with what the prefiller named', async () => {
    const order: string[] = [];
    await using prefiller = await startModelServer({
      script: () => {
        order.push('prefill');
        return { kind: 'answer', body: prefillAnswer() };
      },
    });
    await using decode = await startModelServer({
      script: () => {
        order.push('decode');
        return { kind: 'answer', body: decoded };
      },
    });
    await using sidecar = await startTestSidecar(decode);
    const headers = { ...via(prefiller), 'x-request-id': 'client-1', 'x-tenant': 'a' };
    const response = await ask(sidecar, { headers, body: { ...chat, stream: false } });
    expect([response.status, await response.text()]).toEqual([200, corrected]);
    expect(order).toEqual(['prefill', 'decode']);
    const [sent, got] = [only(prefiller), only(decode)];
    expect([sent?.path, got?.path]).toEqual(['/v1/chat/completions', '/v1/chat/completions']);
    expect(bodyOf(sent)).toMatchObject({ ...chat, max_tokens: 1, stream: false });
    expect(got?.body.toString()).toBe(
      `${JSON.stringify({ ...chat, stream: false }).slice(0, -1)},"kv_transfer_params":${transferParams}}`,
    );
    for (const request of [sent, got]) {
      expect(request?.headers).toMatchObject({ 'x-tenant': 'a' });
      expect(request?.headers).not.toHaveProperty('x-prefiller-host-port');
      expect(String(request?.headers['x-request-id'])).toMatch(/^client-1, [-0-9a-f]{36}$/);
    }
    expect(sent?.headers['x-request-id']).toBe(got?.headers['x-request-id']);
    expect(sidecar.lastRequest).toMatchObject({
      requestId: 'client-1',
      route: 'prefill-decode',
      tried: [{ target: `127.0.0.1:${prefiller.port}`, outcome: 'well' }],
      end: 'answered 200',
    });
    expect(await sidecar.metric('requests_total', { route: 'prefill-decode' })).toBe(1);
    expect(await sidecar.metric('prefill_attempts_total', { outcome: 'well' })).toBe(1);
    expect(await sidecar.metric('requests_in_flight')).toBe(0);
  });

  test('streams: every byte of the stream but the corrected count is the decode server’s', async () => {
    const events = [
      'data: {"choices":[{"delta":{"content":"a"}}]}\n\n',
      'data: {"choices":[],"usage":{"prompt_tokens":9,"prompt_tokens_details":null}}\n\n',
      'data: [DONE]\n\n',
    ];
    const type = { 'content-type': 'text/event-stream; charset=utf-8' };
    await using prefiller = await startModelServer({ script: prefills });
    await using decode = await startModelServer({
      script: () => ({ kind: 'answer', headers: type, body: events.join('') }),
    });
    await using sidecar = await startTestSidecar(decode);
    const body = { ...chat, stream: true, stream_options: { include_usage: true } };
    const response = await ask(sidecar, { headers: via(prefiller), body });
    expect(response.headers.get('content-type')).toBe(type['content-type']);
    expect(await response.text()).toBe(events.join('').replace('null', '{"cached_tokens":7}'));
    expect(bodyOf(only(prefiller))).not.toHaveProperty('stream_options');
    expect(bodyOf(only(decode))).toMatchObject(body);
  });

  test.each([
    ['/v1/completions', { prompt: 'Hi' }],
    ['/v1/messages', { messages: [], max_tokens: 5 }],
    ['/v1/responses', { input: 'Hi' }],
    ['/inference/v1/generate', { token_ids: [1], sampling_params: {} }],
    ['/v1/chat/completions?trace=1', chat],
  ])('is served on %s', async (path, body) => {
    await using prefiller = await startModelServer({ script: prefills });
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    expect((await ask(sidecar, { path, body, headers: via(prefiller) })).status).toBe(200);
    expect([only(prefiller)?.path, only(decode)?.path]).toEqual([path, path]);
    expect(bodyOf(only(decode))).toHaveProperty('kv_transfer_params');
  });

  test('may have five megabytes', async () => {
    const content = 'x'.repeat(5 * 2 ** 20);
    await using prefiller = await startModelServer({ script: prefills });
    await using decode = await startModelServer({ script: () => ({ kind: 'echo' }) });
    await using sidecar = await startTestSidecar(decode);
    const body = { ...chat, messages: [{ role: 'user', content }] };
    const response = await ask(sidecar, { body, headers: via(prefiller) });
    expect((await response.text()).length).toBeGreaterThan(content.length);
    expect(bodyOf(only(prefiller))).toMatchObject({ messages: body.messages, max_tokens: 1 });
    expect(bodyOf(only(decode))).toMatchObject(body);
  });

  test('may name it in the newer header, in several ones, and with http://', async () => {
    await using prefiller = await startModelServer({ script: prefills });
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    const at = `127.0.0.1:${prefiller.port}`;
    await ask(sidecar, { headers: { 'x-llm-d-prefiller-host-port': at } });
    await ask(sidecar, { headers: { 'x-prefiller-host-port': ` http://${at} , 127.0.0.1:1` } });
    expect([prefiller.requests.length, decode.requests.length]).toEqual([2, 2]);
  });
});

describe('a request without a prefiller', () => {
  test('reaches the decode server byte for byte, and so does its answer', async () => {
    await using decode = await startModelServer({
      script: () => ({ kind: 'answer', status: 201, headers: { 'x-engine': 'v' }, body: decoded }),
    });
    await using sidecar = await startTestSidecar(decode);
    const body = '{ "model":"m", "seed": 12345678901234567890 }';
    const response = await ask(sidecar, { body });
    expect([response.status, response.headers.get('x-engine')]).toEqual([201, 'v']);
    expect(response.headers.get('content-length')).toBe(null);
    expect(await response.text()).toBe(decoded);
    expect(only(decode)?.body.toString()).toBe(body);
    expect(await sidecar.metric('requests_total', { route: 'decode' })).toBe(1);
  });

  test('is passed on whatever it is', async () => {
    await using decode = await startModelServer({ script: () => ({ kind: 'echo' }) });
    await using sidecar = await startTestSidecar(decode);
    const models = await fetch(`${sidecar.url}/v1/models`);
    expect(await models.text()).toContain('test-model');
    expect(await (await fetch(`${sidecar.url}/metrics`)).text()).toContain('vllm:num_requests');
    const put = await fetch(`${sidecar.url}/any?x=1`, { method: 'PUT', body: 'text' });
    expect(await put.json()).toMatchObject({ method: 'PUT', path: '/any?x=1', body: 'text' });
    const form = new FormData();
    form.set('file', new Blob(['{"kv_transfer_params":1}']));
    const upload = await fetch(`${sidecar.url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: form,
    });
    expect(JSON.stringify(await upload.json())).toContain('kv_transfer_params');
    const embed = await ask(sidecar, { path: '/v1/embeddings', body: '{"input":"x"}' });
    expect(await embed.json()).toMatchObject({ path: '/v1/embeddings', body: '{"input":"x"}' });
    expect((await fetch(`${sidecar.url}/any`, { method: 'POST' })).status).toBe(200);
  });

  test('may be the beginning of another protocol, byte for byte', async () => {
    const engine = createServer();
    engine.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      const key = String(request.headers['sec-websocket-key']);
      const heads = `upgrade: websocket\r\nconnection: upgrade\r\nx-key: ${key}\r\n`;
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${heads}\r\n`);
      socket.pipe(socket);
    });
    engine.listen(0, '127.0.0.1');
    await once(engine, 'listening');
    // A TCP server's address is an object.
    await using sidecar = await startTestSidecar(engine.address() as AddressInfo);
    using raw = await openRawConnection(sidecar.ports[0] ?? 0);
    raw.write(
      'GET /v1/realtime HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: k1\r\n\r\nfirst',
    );
    const head = await raw.received(/first$/);
    expect(head).toMatch(/^HTTP\/1.1 101 Switching Protocols\r\n[^]*x-key: k1\r\n\r\nfirst$/);
    raw.write('second');
    await raw.received(/firstsecond$/);
    expect(sidecar.inFlight()).toBe(1);
    raw.destroy();
    await vi.waitFor(() => {
      expect(sidecar.inFlight()).toBe(0);
    });
    engine.close();
  });

  test('that wants another protocol of a server that does not is a bad gateway', async () => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    using raw = await openRawConnection(sidecar.ports[0] ?? 0);
    raw.write('GET /x HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
    expect(await raw.closed).toMatch(/^HTTP\/1.1 502 /);
  });

  test('that offers HTTP/2, as some clients do with every first request, is served as any other', async () => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    using raw = await openRawConnection(sidecar.ports[0] ?? 0);
    const body = '{"kv_transfer_params":1,"a":1}';
    for (const [number, protocol] of ['h2c', 'websocket'].entries()) {
      raw.write(
        `POST /v1/completions HTTP/1.1\r\nhost: x\r\nupgrade: ${protocol}\r\nconnection: upgrade\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await vi.waitFor(() => {
        expect(decode.requests[number]?.body.toString()).toBe('{"a":1}');
      });
    }
  });

  test('of the sidecar’s health is answered by itself', async () => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    await decode.close();
    expect((await fetch(`${sidecar.url}/health`)).status).toBe(200);
  });
});

describe('what only the platform may say', () => {
  test('never reaches an engine from a client', async () => {
    await using prefiller = await startModelServer({ script: prefills });
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    const forged = {
      ...chat,
      kv_transfer_params: { do_remote_prefill: true },
      ec_transfer_params: { x: 1 },
      bootstrap_room: 1,
      vllm_xargs: { kv_transfer_params: 'x', mine: 1 },
    };
    await ask(sidecar, { body: forged });
    await ask(sidecar, { body: forged, path: '/invocations' });
    await ask(sidecar, { body: forged, headers: via(prefiller) });
    const clean = { ...chat, vllm_xargs: { mine: 1 } };
    expect(decode.requests.slice(0, 2).map(bodyOf)).toEqual([clean, clean]);
    expect(bodyOf(decode.requests[2])).toMatchObject({
      kv_transfer_params: { remote_engine_id: 'e' },
    });
    expect(bodyOf(prefiller.requests[0])).toMatchObject({ ...clean, max_tokens: 1 });
    expect(bodyOf(prefiller.requests[0])).not.toHaveProperty('ec_transfer_params');
    expect(await sidecar.metric('stripped_requests_total')).toBe(3);
  });

  test.each([
    ['UTF-16, which Python would read', Buffer.from('{"kv_transfer_params":{}}', 'utf16le')],
    ['a byte order mark', Buffer.from('\ufeff{"kv_transfer_params":{}}')],
    ['no JSON', Buffer.from('{"a":')],
    ['an array', Buffer.from('[]')],
  ])('cannot hide in %s', async (_, body) => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    const response = await ask(sidecar, { body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      object: 'error',
      type: 'BadRequestError',
      code: 400,
    });
    expect(decode.requests).toEqual([]);
  });

  test('a body that is too large is refused', async () => {
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, ['--max-body-bytes=100']);
    expect((await ask(sidecar, { body: { x: 'y'.repeat(100) } })).status).toBe(413);
    expect(decode.requests).toEqual([]);
  });
});
