import { PassThrough } from 'node:stream';
import { describe, expect, test, vi } from 'vitest';
import type { FrontRequest } from '../front/listener.ts';
import { discardBody, readBody, type ReadBodyOptions } from './request-body.ts';

/** A body that a test sends piece by piece. */
function incoming(headers: Record<string, string> = {}) {
  const stream = Object.assign(new PassThrough(), { headers });
  // All that reading a body needs of a request.
  return { stream, request: stream as unknown as FrontRequest };
}

const reading = (request: FrontRequest, options: Partial<ReadBodyOptions> = {}) => {
  const cut = vi.fn();
  return {
    cut,
    body: readBody(request, { api: 'chat-completions', maxBytes: 1000, cut, ...options }),
  };
};

const chat = '{"model":"m","messages":[{"role":"user","content":"é"}],"stream":true}';

describe('reading a body', () => {
  test('parses it, however it is cut', async () => {
    const { stream, request } = incoming();
    const { body } = reading(request);
    for (const byte of Buffer.from(chat)) stream.write(Buffer.of(byte));
    stream.end();
    const read = await body;
    if (read.kind !== 'read') throw new Error(read.kind);
    expect(read.parsed).toMatchObject({ model: 'm', stream: true });
    expect(Buffer.concat([...read.chunks]).toString()).toBe(chat);
  });

  test('collects bytes of an API that it does not know', async () => {
    const { stream, request } = incoming();
    const { body } = reading(request, { api: undefined });
    stream.write('\xff{"mod');
    stream.end('el');
    const read = await body;
    if (read.kind !== 'read') throw new Error(read.kind);
    expect([read.parsed, Buffer.concat([...read.chunks]).toString()]).toEqual([
      undefined,
      '\xff{"model',
    ]);
  });

  test.each([['chat-completions' as const], [undefined]])(
    'accepts as many bytes as it may and not one more (%s)',
    async (api) => {
      const maxBytes = Buffer.byteLength(chat);
      for (const [text, kind] of [
        [chat, 'read'],
        [`${chat} `, 'bad'],
      ] as const) {
        const { stream, request } = incoming();
        const { body } = reading(request, { api, maxBytes });
        stream.end(text);
        const read = await body;
        expect(read.kind).toBe(kind);
        if (read.kind === 'bad') expect(read.error).toMatchObject({ status: 413 });
      }
    },
  );

  test('does not wait for a body that announces too much', async () => {
    const { request } = incoming({ 'content-length': '1001' });
    expect(await reading(request).body).toMatchObject({
      kind: 'bad',
      error: {
        status: 413,
        code: 'body_too_large',
        message: expect.stringContaining('1000') as string,
      },
    });
  });

  test('tells what is wrong before the rest has come, and reads that to nowhere', async () => {
    const { stream, request } = incoming();
    const { body, cut } = reading(request);
    stream.write('{"model": 7');
    expect(await body).toMatchObject({ kind: 'bad', error: { status: 400, param: 'model' } });
    for (let i = 0; i < 10; i++) stream.write(Buffer.alloc(100));
    await new Promise(setImmediate);
    expect([stream.readableLength, cut.mock.calls.length]).toEqual([0, 0]);
    stream.write('x');
    await new Promise(setImmediate);
    expect(cut).toHaveBeenCalled();
  });

  test.each([['close'], ['error']])('gives up when the client is gone (%s)', async (how) => {
    const { stream, request } = incoming();
    const { body } = reading(request);
    stream.write('{"mod');
    stream.destroy(how === 'error' ? new Error('reset') : undefined);
    expect(await body).toEqual({ kind: 'gone' });
  });
});

test('a body that is not wanted is read to its end, within limits', async () => {
  const { stream, request } = incoming();
  const cut = vi.fn();
  discardBody(request, { maxBytes: 3, cut });
  stream.end('abc');
  await new Promise((resolve) => stream.on('end', resolve));
  expect(cut).not.toHaveBeenCalled();
});
