import {
  openRawConnection,
  startModelServer,
  type Behaviour,
  type ModelServer,
} from '@llm-d/test-kit';
import { describe, expect, test, vi } from 'vitest';
import { ask, chat, prefillAnswer, startTestSidecar, via } from './sidecar.testing.ts';

// Machines that do much else take their time.
vi.setConfig({ testTimeout: 60_000 });
const WAIT = { timeout: 20_000, interval: 20 };

const serverThat = (behaviour: Behaviour): Promise<ModelServer> =>
  startModelServer({ script: () => behaviour });
const good = (): Promise<ModelServer> => serverThat({ kind: 'answer', body: prefillAnswer() });
const failing = (status: number): Promise<ModelServer> =>
  serverThat({ kind: 'answer', status, headers: { 'x-why': 'test' }, body: `{"code":${status}}` });
/** A port that nobody listens on. */
async function nobody(): Promise<Pick<ModelServer, 'port' | 'close'>> {
  const server = await startModelServer();
  await server.close();
  return server;
}

describe('a prefiller that fails', () => {
  test.each([400, 404, 422, 500, 503])('with %i: its answer is the client’s', async (status) => {
    await using prefiller = await failing(status);
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    const response = await ask(sidecar, { headers: via(prefiller) });
    expect([response.status, response.headers.get('x-why')]).toEqual([status, 'test']);
    expect(await response.text()).toBe(`{"code":${status}}`);
    expect([prefiller.requests.length, decode.requests.length]).toEqual([1, 0]);
  });

  test.each([
    ['is not there', nobody, 502],
    ['breaks off', () => serverThat({ kind: 'die', when: 'before-head' }), 502],
    ['answers no JSON', () => serverThat({ kind: 'answer', body: '<html>' }), 502],
    ['takes too long', () => serverThat({ kind: 'hang' }), 504],
    ['never ends its answer', () => serverThat({ kind: 'hang', after: 'chunk' }), 504],
  ])('because it %s is told of', async (_, start, status) => {
    const prefiller = await start();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, ['--prefill-timeout=300ms']);
    const response = await ask(sidecar, { headers: via(prefiller) });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ object: 'error', code: status });
    expect(decode.requests).toEqual([]);
    expect(await sidecar.metric('request_errors_total', { stage: 'prefill' })).toBe(1);
    await prefiller.close();
  });

  test.each([
    ['is not there', nobody],
    ['has a fault', () => failing(500)],
    ['is full', () => failing(503)],
    ['is not to be had', () => failing(429)],
    ['breaks off', () => serverThat({ kind: 'die', when: 'mid-stream' })],
  ])('because it %s is made up for by the next one', async (_, start) => {
    const bad = await start();
    await using next = await good();
    await using third = await good();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    expect((await ask(sidecar, { headers: via(bad, next, third) })).status).toBe(200);
    expect([next.requests.length, third.requests.length, decode.requests.length]).toEqual([
      1, 0, 1,
    ]);
    expect(await sidecar.metric('prefill_fallbacks_total', { by: 'next-prefiller' })).toBe(1);
    expect(sidecar.lastRequest?.['tried']).toMatchObject([{}, { outcome: 'well' }]);
    await bad.close();
  });

  test('the request’s own fault is not tried on others', async () => {
    await using bad = await failing(400);
    await using next = await good();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, ['--prefill-failure=local-prefill']);
    expect((await ask(sidecar, { headers: via(bad, next) })).status).toBe(400);
    expect([next.requests.length, decode.requests.length]).toEqual([0, 0]);
  });

  test('with --prefill-failure=error the first failure is the answer', async () => {
    await using bad = await failing(500);
    await using next = await good();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, ['--prefill-failure=error']);
    expect((await ask(sidecar, { headers: via(bad, next) })).status).toBe(500);
    expect(next.requests).toEqual([]);
  });

  test('with --prefill-failure=local-prefill the decode server does it in the end', async () => {
    await using bad = await failing(500);
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, ['--prefill-failure=local-prefill']);
    const response = await ask(sidecar, { headers: via(bad, await nobody()) });
    expect(response.status).toBe(200);
    expect(JSON.parse(decode.requests[0]?.body.toString() ?? '')).toEqual(chat);
    expect(await sidecar.metric('prefill_fallbacks_total', { by: 'local-prefill' })).toBe(1);
    expect(sidecar.lastRequest).toMatchObject({
      route: 'decode',
      reason: 'every prefiller failed',
    });
  });

  test.each([
    [502, 3],
    [500, 1],
  ])('with %i is asked %i times where it may be asked again', async (status, times) => {
    await using prefiller = await failing(status);
    await using decode = await startModelServer();
    const args = ['--prefill-max-retries=2', '--prefill-retry-backoff=1ms'];
    await using sidecar = await startTestSidecar(decode, args);
    expect((await ask(sidecar, { headers: via(prefiller) })).status).toBe(status);
    expect(prefiller.requests).toHaveLength(times);
  });

  test('again and again is left out', async () => {
    await using bad = await failing(500);
    await using next = await good();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode, [
      '--breaker-failures=2',
      '--breaker-open-time=1h',
    ]);
    for (let i = 0; i < 4; i++) await ask(sidecar, { headers: via(bad, next) });
    expect([bad.requests.length, next.requests.length]).toEqual([2, 4]);
    const alone = await ask(sidecar, { headers: via(bad) });
    expect([alone.status, alone.headers.get('retry-after')]).toEqual([503, '1']);
    expect(bad.requests).toHaveLength(2);
    expect(await sidecar.metric('open_breakers')).toBe(1);
    expect(await sidecar.metric('prefill_attempts_total', { outcome: 'breaker-open' })).toBe(3);
  });
});

describe('a decode server that fails', () => {
  test('because it is not there is told of as llm-d does, and the cache as stranded', async () => {
    await using prefiller = await good();
    await using sidecar = await startTestSidecar(await nobody());
    const response = await ask(sidecar, { headers: via(prefiller) });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({
      object: 'error',
      type: 'ServiceUnavailable',
      code: 503,
    });
    expect(await sidecar.metric('stranded_transfers_total', { reason: 'decode-failed' })).toBe(1);
    expect((await fetch(`${sidecar.url}/v1/models`)).status).toBe(503);
  });

  test('before its head is a bad gateway, in the middle it cuts the client off', async () => {
    await using decode = await serverThat({ kind: 'die', when: 'before-head' });
    await using sidecar = await startTestSidecar(decode);
    expect((await ask(sidecar)).status).toBe(502);
    decode.follow(() => ({ kind: 'die', when: 'mid-stream' }));
    const response = await ask(sidecar);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
    expect(await sidecar.metric('request_errors_total', { stage: 'decode' })).toBe(2);
  });

  test('by saying nothing is given up in time', async () => {
    await using decode = await serverThat({ kind: 'hang' });
    await using sidecar = await startTestSidecar(decode, ['--response-timeout=300ms']);
    expect((await ask(sidecar)).status).toBe(504);
  });

  test('with an error of its own is what the client gets', async () => {
    await using prefiller = await good();
    await using decode = await failing(500);
    await using sidecar = await startTestSidecar(decode);
    const response = await ask(sidecar, { headers: via(prefiller) });
    expect([response.status, await response.text()]).toEqual([500, '{"code":500}']);
    expect(await sidecar.metric('stranded_transfers_total', { reason: 'decode-failed' })).toBe(1);
  });
});

describe('a client that leaves', () => {
  const leaving = async (sidecar: { readonly url: string }, busy: ModelServer, headers = {}) => {
    const leave = new AbortController();
    const asked = ask(sidecar, { headers, signal: leave.signal }).then((response) =>
      response.text(),
    );
    await vi.waitFor(() => {
      expect(busy.running).toBe(1);
    }, WAIT);
    leave.abort();
    await expect(asked).rejects.toThrow();
    await vi.waitFor(() => {
      expect(busy.requests.map(({ state }) => state)).toEqual(['cut']);
    }, WAIT);
  };

  test('during the prefill ends it; nobody else is asked and nobody blamed', async () => {
    await using prefiller = await serverThat({ kind: 'hang' });
    await using next = await good();
    await using decode = await startModelServer();
    await using sidecar = await startTestSidecar(decode);
    await leaving(sidecar, prefiller, via(prefiller, next));
    await vi.waitFor(() => {
      expect(sidecar.inFlight()).toBe(0);
    }, WAIT);
    expect([next.requests.length, decode.requests.length]).toEqual([0, 0]);
    expect(await sidecar.metric('prefill_attempts_total', { outcome: 'aborted' })).toBe(1);
    expect(await sidecar.metric('open_breakers')).toBe(0);
  });

  test.each([
    ['before the head', { kind: 'hang' }],
    ['in the middle', { kind: 'hang', after: 'chunk' }],
  ] as const)('during the decode ends it: %s', async (when, behaviour) => {
    await using prefiller = await good();
    await using decode = await serverThat(behaviour);
    await using sidecar = await startTestSidecar(decode);
    await leaving(sidecar, decode, via(prefiller));
    await vi.waitFor(() => {
      expect(sidecar.inFlight()).toBe(0);
    }, WAIT);
    const stranded = await sidecar.metric('stranded_transfers_total', { reason: 'client-gone' });
    expect(stranded).toBe(when === 'before the head' ? 1 : 0);
  });

  test('or does not read makes the decode server wait', async () => {
    const bytes = 96 * 2 ** 20;
    await using decode = await serverThat({ kind: 'huge', bytes });
    await using sidecar = await startTestSidecar(decode);
    using raw = await openRawConnection(sidecar.ports[0] ?? 0);
    raw.pause();
    const body = JSON.stringify(chat);
    raw.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    const written = (): number => decode.requests[0]?.bytesWritten ?? 0;
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
    raw.resume();
    const text = await raw.closed;
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(bytes);
  });
});
