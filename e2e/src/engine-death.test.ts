import { describe, expect, test, vi } from 'vitest';
import { decisionsOf, endpointsOf, untilIdle } from './debug-views.ts';
import { TEST_TIMEOUT_MS, chat, portOf, post, startEngine, startStack } from './stack.ts';

const REQUESTS = 400;

/** How a request went for its client. */
type Fate = 'whole' | 'cut after it began' | `lost: ${string}`;

async function ask(url: string, number: number): Promise<Fate> {
  const stream = number % 2 === 0;
  // Different prompts, so that affinity to a prefix does not keep them together.
  const messages = [{ role: 'user', content: `${number} is a number` }];
  const body = chat(40, { stream, messages });
  let bytes = 0;
  try {
    const response = await post(`${url}/v1/chat/completions`, body);
    if (response.status !== 200) return `lost: ${response.status} ${await response.text()}`;
    let end = '';
    const chunks: AsyncIterable<Uint8Array> | null = response.body;
    for await (const chunk of chunks ?? []) {
      bytes += chunk.length;
      end = Buffer.from(chunk).toString();
    }
    const complete = stream ? end.endsWith('data: [DONE]\n\n') : end.endsWith('}');
    return complete ? 'whole' : 'lost: it ended early without an error';
  } catch (error) {
    if (bytes > 0 && stream) return 'cut after it began';
    return `lost: ${String(error)}, ${String((error as Error).cause)}`;
  }
}

/** Begins a stream that lasts until it is cut, which is told, or until `signal` aborts. */
async function begin(url: string, number: number, signal: AbortSignal): Promise<() => boolean> {
  const messages = [{ role: 'user', content: `stream ${number}` }];
  const body = chat(100_000, { stream: true, messages });
  const response = await post(`${url}/v1/chat/completions`, body, { signal });
  expect(response.status).toBe(200);
  let cut = false;
  response.text().catch(() => (cut = !signal.aborted));
  return () => cut;
}

describe('an engine that is killed under load', { timeout: TEST_TIMEOUT_MS }, () => {
  test('takes no request with it that had not begun to stream, and comes back', async () => {
    await using stack = await startStack({ engines: 3 });
    const [dead] = stack.engines;
    if (dead === undefined) throw new Error('no engine');
    const port = portOf(dead.url);

    const over = new AbortController();
    const streams = await Promise.all(
      Array.from({ length: 30 }, (_, i) => begin(stack.url, i, over.signal)),
    );
    const fates: Promise<Fate>[] = [];
    for (let i = 0; i < REQUESTS; i++) {
      fates.push(ask(stack.url, i));
      if (i % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      if (i === REQUESTS / 2) dead.signal('SIGKILL');
    }
    const settled = await Promise.all(fates);
    expect(settled.filter((fate) => fate.startsWith('lost'))).toEqual([]);
    expect(settled.filter((fate) => fate === 'whole').length).toBeGreaterThan(REQUESTS / 2);
    // Every engine had its share of them, and only the dead one's were cut.
    const cut = streams.filter((isCut) => isCut()).length;
    expect(cut).toBeGreaterThan(0);
    expect(cut).toBeLessThan(streams.length);
    over.abort();

    await vi.waitFor(async () => {
      const view = await endpointsOf(stack.url);
      expect(view.find(({ address }) => address.endsWith(`:${port}`))?.ejected).toMatch(/metrics/);
    }, 20_000);
    const after = await Promise.all(Array.from({ length: 30 }, (_, i) => ask(stack.url, i)));
    expect(new Set(after)).toEqual(new Set(['whole']));
    for (const { endpoint, attempt } of await decisionsOf(stack.url, 30)) {
      expect([endpoint, attempt]).toEqual([expect.not.stringContaining(`:${port}-`), 1]);
    }

    await using reborn = await startEngine([], port);
    await vi.waitFor(async () => {
      expect((await endpointsOf(stack.url)).map(({ ejected }) => ejected)).toEqual([
        null,
        null,
        null,
      ]);
      await Promise.all(Array.from({ length: 12 }, (_, i) => ask(stack.url, i)));
      const chosen = (await decisionsOf(stack.url, 12)).map(({ endpoint }) => endpoint);
      expect(chosen).toContainEqual(expect.stringContaining(`:${port}-`));
    }, 30_000);
    await untilIdle({ ...stack, engines: [reborn, ...stack.engines.slice(1)] });
  });

  test('leaves a gateway without engines alive and saying so', async () => {
    await using stack = await startStack({ engines: 3 });
    for (const engine of stack.engines) await engine.kill();
    await vi.waitFor(async () => {
      expect((await fetch(`${stack.url}/readyz`)).status).toBe(503);
    }, 20_000);
    const refused = await post(`${stack.url}/v1/chat/completions`, chat(1));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.headers.get('x-llm-d-request-dropped-reason')).toBe('rejected-no-endpoints');
    expect(await refused.json()).toEqual({
      error: {
        message: expect.stringMatching(/model server/) as string,
        type: 'service_unavailable',
        param: null,
        code: 'service_unavailable',
      },
    });
    const ready = await fetch(`${stack.url}/readyz`);
    expect(await ready.json()).toEqual({
      status: 'not ready',
      reason: 'no model server can be reached',
    });
    expect((await fetch(`${stack.url}/healthz`)).status).toBe(200);
  });
});
