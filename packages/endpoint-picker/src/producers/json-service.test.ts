import { systemClock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { createJsonService } from './json-service.ts';
import { startFakeService, type FakeAnswer } from './fake-service.testing.ts';

const timeoutMs = 5000;

async function serviceAnswering(answer: FakeAnswer) {
  const server = await startFakeService(() => answer);
  const service = createJsonService({
    url: `${server.url}/below/`,
    clock: systemClock,
    maxAnswerBytes: 100,
  });
  return {
    server,
    service,
    async [Symbol.asyncDispose]() {
      await service.close();
      await server.close();
    },
  };
}

describe('a JSON service', () => {
  test('is asked below its base URL and answers with what it says', async () => {
    await using setUp = await serviceAnswering({ body: { ready: true } });
    const { service, server } = setUp;
    expect(await service.call({ path: '/status', timeoutMs })).toEqual({ ready: true });
    await service.call({ path: '/rows', body: '[1,2]', timeoutMs });
    expect(server.received).toEqual([
      { method: 'GET', path: '/below/status', body: undefined },
      { method: 'POST', path: '/below/rows', body: [1, 2] },
    ]);
  });

  test('may answer with nothing', async () => {
    await using setUp = await serviceAnswering({ status: 202, text: '' });
    expect(await setUp.service.call({ path: '/', timeoutMs })).toBeUndefined();
  });

  test.each<[string, FakeAnswer, object]>([
    [
      'a refusal',
      { status: 503, text: 'model not loaded' },
      { failure: 'bad-status', status: 503 },
    ],
    ['text', { text: 'hello' }, { failure: 'not-json' }],
    ['too much', { text: `"${'x'.repeat(200)}"` }, { failure: 'too-large' }],
    ['a cut connection', { cut: true }, { failure: 'unreachable' }],
  ])('%s is told from other failures', async (_, answer, expected) => {
    await using setUp = await serviceAnswering(answer);
    await expect(setUp.service.call({ path: '/x', timeoutMs })).rejects.toMatchObject({
      code: 'JSON_SERVICE',
      url: `${setUp.server.url}/below/x`,
      ...expected,
    });
  });

  test('says why it refuses', async () => {
    await using setUp = await serviceAnswering({ status: 503, text: 'model not loaded' });
    await expect(setUp.service.call({ path: '/x', timeoutMs })).rejects.toThrow(
      /: status 503 model not loaded$/,
    );
  });

  test('that does not answer in time is left', async () => {
    await using setUp = await serviceAnswering({ never: true });
    await expect(setUp.service.call({ path: '/x', timeoutMs: 20 })).rejects.toMatchObject({
      failure: 'timeout',
    });
  });

  test('is left when the caller goes', async () => {
    await using setUp = await serviceAnswering({ never: true });
    const { signal, abort } = abortable();
    const call = setUp.service.call({ path: '/x', timeoutMs, signal });
    abort();
    await expect(call).rejects.toMatchObject({ failure: 'aborted' });
  });

  test('that is not there is unreachable', async () => {
    const server = await startFakeService(() => ({}));
    await server.close();
    const service = createJsonService({ url: server.url, clock: systemClock });
    await expect(service.call({ path: '/x', timeoutMs })).rejects.toMatchObject({
      failure: 'unreachable',
    });
    await service.close();
  });
});

function abortable() {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    abort: () => {
      controller.abort();
    },
  };
}
