import { systemClock } from '@llm-d/determinism';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createRenderService } from './render-service.ts';

type Answer = (body: string, response: ServerResponse) => void;

async function withServer<T>(answer: Answer, use: (url: string, paths: string[]) => Promise<T>) {
  const paths: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    paths.push(request.url ?? '');
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      answer(body, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
const serviceAt = (url: string, more: object = {}) =>
  createRenderService({ url, timeoutMs: 5000, clock: systemClock, ...more });
const never = new AbortController().signal;
const json =
  (value: unknown, status = 200): Answer =>
  (_, response) => {
    response.writeHead(status).end(JSON.stringify(value));
  };

test('a request goes on word for word, one prompt or several come back', async () => {
  const bodies: string[] = [];
  const echo: Answer = (body, response) => {
    bodies.push(body);
    json(bodies.length === 1 ? { token_ids: [1, 2] } : [{ token_ids: [3] }, { token_ids: [] }])(
      body,
      response,
    );
  };
  await withServer(echo, async (url, paths) => {
    const service = serviceAt(`${url}/base/`);
    const completion = { model: 'm', prompt: 'hi', extra: [1] };
    expect(await service.completion(completion, never)).toEqual([Uint32Array.of(1, 2)]);
    const chat = { model: 'm', messages: [] };
    expect(await service.chat(chat, never)).toEqual([Uint32Array.of(3), new Uint32Array()]);
    expect(bodies.map((body) => JSON.parse(body) as unknown)).toEqual([completion, chat]);
    expect(paths).toEqual(['/base/v1/completions/render', '/base/v1/chat/completions/render']);
  });
});

test.each<[string, Answer, string, string]>([
  [
    'a request that is wrong',
    json({ error: 'no such model' }, 404),
    'refused',
    'status 404 {"error":"no such model"}',
  ],
  ['a server that fails', json({}, 500), 'unavailable', 'status 500'],
  ['another answer', json({ tokens: [1] }), 'unavailable', 'the answer has no token ids'],
  [
    'token ids that are none',
    json({ token_ids: [-1] }),
    'unavailable',
    'the answer has no token ids',
  ],
  ['no JSON', (_, response) => void response.end('<html>'), 'unavailable', 'JSON'],
  [
    'an answer that is too large',
    (_, response) => void response.end('x'.repeat(2000)),
    'unavailable',
    'more than 1000 bytes',
  ],
])('%s is told apart', async (_, answer, reason, message) => {
  await withServer(answer, async (url) => {
    const asked = serviceAt(url, { maxAnswerBytes: 1000 }).completion({}, never);
    await expect(asked).rejects.toMatchObject({
      ...{ code: 'NO_TOKENS', reason },
      message: expect.stringContaining(message) as string,
    });
  });
});

test('nobody waits longer than they want to', async () => {
  const silent: Answer = () => undefined;
  await withServer(silent, async (url) => {
    const late = serviceAt(url, { timeoutMs: 20 }).completion({}, never);
    await expect(late).rejects.toMatchObject({
      message: expect.stringContaining('20 ms') as string,
    });
    const gone = serviceAt(url).completion({}, AbortSignal.timeout(20));
    await expect(gone).rejects.toMatchObject({ reason: 'unavailable' });
  });
  const nowhere = serviceAt('http://127.0.0.1:1').completion({}, never);
  await expect(nowhere).rejects.toMatchObject({ reason: 'unavailable' });
});
