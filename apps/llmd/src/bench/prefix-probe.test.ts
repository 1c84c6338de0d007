import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { VirtualClock } from '@llm-d/determinism';
import { runWorkload, type WorkloadRequest } from '@llm-d/workload';
import { createScriptedTarget } from '@llm-d/workload/testing';
import { describe, expect, test, vi } from 'vitest';
import { createTestExplanation } from '../explain/explanation.testing.ts';
import { createPrefixProbe, predictedTokensOf, type PrefixProbeOptions } from './prefix-probe.ts';

interface Site extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly { readonly path: string; readonly body: unknown }[];
}

/** Answers every path with the JSON that `answers` has for it, or with 404. */
async function site(answers: (path: string) => unknown): Promise<Site> {
  const asked: { path: string; body: unknown }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = `${request.method ?? ''} ${request.url ?? ''}`;
      const text = Buffer.concat(chunks).toString();
      asked.push({ path, body: text === '' ? undefined : (JSON.parse(text) as unknown) });
      const answer = answers(path);
      response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${port}`, asked, [Symbol.asyncDispose]: close };
}

const engine = (cachedBlocks: number) =>
  site((path) =>
    path === 'GET /debug/kv-cache'
      ? { block_size: 16 }
      : { blocks: 99, cached_blocks: cachedBlocks },
  );
/** The chosen server is believed to hold 70 blocks of 16 tokens. */
const gateway = () => site(() => ({ attempts: [createTestExplanation()] }));

/** Runs so many requests, a second apart and of 2000 prompt tokens of which 960 are cached, past a probe. */
async function follow(options: Omit<PrefixProbeOptions, 'api' | 'model'>, requests = 1) {
  const clock = new VirtualClock();
  const probe = await createPrefixProbe({ api: 'chat', model: 'm', ...options });
  const target = createScriptedTarget(clock, () => ({
    firstPieceMs: 1,
    usage: { promptTokens: 2000, cachedTokens: 960 },
  }));
  let taken = 0;
  const request = (): WorkloadRequest => ({
    intendedAtMs: 1000 * taken++,
    prompt: 'abcd',
    inputTokens: 1,
    maxTokens: 1,
  });
  const running = runWorkload(
    {
      description: { name: 't', seed: 1, loop: 'open', parameters: {} },
      start: () => ({
        nextAtMs: () => (taken < requests ? 1000 * taken : undefined),
        take: request,
      }),
    },
    probe.observe(target),
    { clock },
  );
  for (let i = 0; i < requests; i++) {
    clock.advanceTo(1000 * i);
    // Those that are followed wait for engines in real time.
    await vi.waitFor(() => {
      expect(target.requests).toHaveLength(i + 1);
    });
  }
  clock.run();
  await running.result;
  return {
    samples: await probe.samples(),
    ids: target.requests.map((each) => probe.headers(each)['x-request-id']),
  };
}

describe('a prefix probe', () => {
  test('asks every engine before a request is sent, and the gateway afterwards', async () => {
    await using first = await engine(10);
    await using second = await engine(75);
    await using front = await gateway();
    const { samples, ids } = await follow({
      gatewayUrl: front.url,
      engineUrls: [first.url, second.url],
      warmUpMs: 0,
      every: 1,
    });
    expect(samples).toEqual([
      { promptTokens: 2000, cachedTokens: 960, predictedTokens: 1120, bestTokens: 1200 },
    ]);
    expect(ids).toEqual(['bench-1']);
    expect(front.asked).toEqual([{ path: 'GET /debug/decisions/bench-1', body: undefined }]);
    expect(second.asked).toMatchObject([
      { path: 'POST /debug/kv-cache', body: { model: 'm', messages: [{ content: 'abcd' }] } },
    ]);
  });

  test('follows one of so many requests, and none of the warm-up', async () => {
    await using only = await engine(1);
    await using front = await gateway();
    const shared = { gatewayUrl: front.url, engineUrls: [only.url] };
    const { samples, ids } = await follow({ ...shared, warmUpMs: 2000, every: 3 }, 7);
    expect(samples).toHaveLength(2);
    expect(ids.map((id) => id !== undefined)).toEqual([
      ...[false, false, true, false, false, true, false],
    ]);
  });

  test('a whole prompt is never expected from a cache', async () => {
    await using only = await engine(125);
    await using front = await gateway();
    const options = { gatewayUrl: front.url, engineUrls: [only.url], warmUpMs: 0, every: 1 };
    expect((await follow(options)).samples[0]?.bestTokens).toBe(1984);
  });

  test('what nobody answers is left out, and requests go through', async () => {
    await using silent = await site(() => undefined);
    const options = { gatewayUrl: silent.url, engineUrls: [silent.url], warmUpMs: 0, every: 1 };
    expect((await follow(options)).samples).toEqual([{ promptTokens: 2000, cachedTokens: 960 }]);
  });
});

describe('what a gateway believed', () => {
  const explanation = createTestExplanation();
  const guess = {
    producer: 'approx-prefix-cache-producer',
    totalBlocks: 18,
    blockSizeTokens: 64,
    endpoints: [{ endpoint: 'default/pod-3-rank-0', matchedBlocks: 3, cachedBlocks: 3 }],
  };

  test('is what events say where there are any, else the guess', () => {
    const both = { ...explanation, prefixes: [guess, ...(explanation.prefixes ?? [])] };
    expect(predictedTokensOf(both)).toBe(70 * 16);
    expect(predictedTokensOf({ ...explanation, prefixes: [guess] })).toBe(3 * 64);
  });

  test('is nothing of a server without the prompt, and not there without a belief or a server', () => {
    expect(predictedTokensOf({ ...explanation, prefixes: [{ ...guess, endpoints: [] }] })).toBe(0);
    expect(predictedTokensOf({ ...explanation, prefixes: [] })).toBeUndefined();
    expect(predictedTokensOf({ ...explanation, decision: undefined })).toBeUndefined();
  });
});
