import { parseRequest } from '@llm-d/inference-api';
import { expect, test } from 'vitest';
import { schedulingRequestOf, tokenUsageOf } from './scheduling-request.ts';

const receive = (body: object) => {
  const bytes = Buffer.from(JSON.stringify(body));
  const result = parseRequest('chat-completions', bytes);
  if (!result.ok) throw new Error(result.error.message);
  return {
    id: 'r1',
    parsed: result.request,
    chunks: [bytes],
    bodyBytes: bytes.length,
    headers: new Map<string, string>(),
  };
};
const chat = (content: unknown) => ({ model: 'm', messages: [{ role: 'user', content }] });
const picture = (url: string) => ({ type: 'image_url', image_url: { url } });

test('a parsed body becomes a request, with defaults for what nobody says', () => {
  const received = receive({ ...chat('Hi'), stream: true, max_tokens: 5, cache_salt: 's' });
  expect(schedulingRequestOf(received)).toMatchObject({
    id: 'r1',
    model: 'm',
    targetModel: 'm',
    cacheSalt: 's',
    maxOutputTokens: 5,
    streaming: true,
    priority: 0,
    fairnessId: 'default-flow',
    bodyBytes: received.bodyBytes,
  });
});

test('a body that nobody read asks for no model and has no prompt', () => {
  const request = schedulingRequestOf({ ...receive(chat('Hi')), parsed: undefined });
  expect(request).toMatchObject({ model: '', targetModel: '', prompt: { kind: 'none' } });
});

test('what was settled about the request goes before what the body says', () => {
  const settled = { model: 'm', targetModel: 'x', priority: -1, fairnessId: 'tenant' };
  expect(schedulingRequestOf({ ...receive(chat('Hi')), ...settled })).toMatchObject(settled);
});

test('media have the same key for the same content, wherever chunks are cut', () => {
  const received = receive(chat([picture('data:a'), picture('data:b'), picture('data:a')]));
  const [whole] = received.chunks;
  const keysOf = (chunks: readonly Uint8Array[]) =>
    schedulingRequestOf({ ...received, chunks }).mediaItems?.map(({ key }) => key);
  const keys = keysOf(received.chunks) ?? [];
  expect(keys[0]).toBe(keys[2]);
  expect(keys[0]).not.toBe(keys[1]);
  const at = Number(whole?.indexOf('data:a')) + 2;
  expect(
    keysOf([whole?.subarray(0, at) ?? Buffer.of(), whole?.subarray(at) ?? Buffer.of()]),
  ).toEqual(keys);
});

test('long media are told apart by their length, beginning and end', () => {
  const film = (start: string, end: string, length: number) =>
    picture(`data:${start}${'x'.repeat(length)}${end}`);
  const received = receive(
    chat([
      film('a', 'z', 200_000),
      film('a', 'z', 200_000),
      film('b', 'z', 200_000),
      film('a', 'y', 200_000),
      film('a', 'z', 200_001),
    ]),
  );
  const keys = schedulingRequestOf(received).mediaItems?.map(({ key }) => key) ?? [];
  expect(keys[0]).toBe(keys[1]);
  expect(new Set(keys).size).toBe(4);
});

test('pictures that come along tell their size, and all media where they stand', () => {
  const gif = Buffer.from('47494638396180026801', 'hex').toString('base64');
  const text = { type: 'text', text: 'Look:' };
  const content = [text, picture(`data:image/gif;base64,${gif}`), picture('http://x/y.png')];
  expect(schedulingRequestOf(receive(chat(content))).mediaItems).toMatchObject([
    { kind: 'image', textOffset: 9, pixels: { width: 640, height: 360 } },
    { kind: 'image', textOffset: 9 },
  ]);
});

test('the body is there for those who read it, with any model', () => {
  const received = receive({ ...chat('Hi'), cache_salt: 's' });
  expect(schedulingRequestOf(received).body).toBeUndefined();
  const { body } = schedulingRequestOf({ ...received, keepsBody: true });
  expect(body?.api).toBe('chat-completions');
  expect(JSON.parse(Buffer.concat(body?.withModel('base') ?? []).toString())).toEqual({
    ...chat('Hi'),
    cache_salt: 's',
    model: 'base',
  });
});

test('usage keeps what is counted and says that the cache is not known', () => {
  const usage = { promptTokens: 1, completionTokens: 2, totalTokens: 3 };
  expect(tokenUsageOf(usage)).toEqual({
    promptTokens: 1,
    completionTokens: 2,
    cachedTokens: undefined,
  });
});
