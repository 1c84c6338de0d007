import { startModelServer } from '@llm-d/test-kit';
import { expect, test, vi } from 'vitest';
import { endpointsOf } from './debug-views.ts';
import { TEST_TIMEOUT_MS, post, startGateway } from './stack.ts';

interface Explained {
  readonly requestId: string;
  readonly attempts: readonly {
    readonly attempt: number;
    readonly model: string;
    readonly candidates: readonly { readonly endpoint: string; readonly waitingRequests: number }[];
    readonly answer?: { readonly termination: string; readonly status?: number };
    readonly decision?: unknown;
  }[];
}

test(
  'a decision tells what was known, what counted and what came of it, also when a server failed',
  async () => {
    await using busy = await startModelServer({ load: { waiting: 40, running: 30 } });
    await using idle = await startModelServer();
    await using gateway = await startGateway([busy.url, idle.url]);
    await vi.waitFor(async () => {
      const waiting = (await endpointsOf(gateway.url)).map((view) => view.waitingRequests);
      expect(waiting).toEqual([40, 0]);
    }, 20_000);

    const ask = (id: string) =>
      post(
        `${gateway.url}/v1/chat/completions`,
        { model: 'test-model', messages: [{ role: 'user', content: 'a secret thing' }] },
        { headers: { 'x-request-id': id } },
      );
    const explain = async (id: string) => {
      const text = await (await fetch(`${gateway.url}/debug/decisions/${id}`)).text();
      expect(text).not.toContain('secret');
      return JSON.parse(text) as Explained;
    };
    await (await ask('calm')).text();
    const calm = await explain('calm');
    expect(calm).toMatchObject({
      requestId: 'calm',
      attempts: [{ attempt: 1, model: 'test-model' }],
    });
    expect(calm.attempts[0]?.candidates.map(({ waitingRequests }) => waitingRequests)).toEqual([
      40, 0,
    ]);
    expect(calm.attempts[0]?.answer).toMatchObject({ termination: 'natural', status: 200 });
    // The whole of it is the scheduler's; here it is enough that it names the place and what led there.
    const decision = JSON.stringify(calm.attempts[0]?.decision);
    expect(decision).toContain(`:${idle.port}-rank-0`);
    expect(decision).toContain('queue-scorer');

    idle.follow(() => ({ kind: 'die', when: 'after-head' }));
    expect((await ask('rough')).status).toBe(200);
    const rough = await explain('rough');
    expect(rough.attempts.map(({ attempt, answer }) => [attempt, answer?.termination])).toEqual([
      [1, 'error'],
      [2, 'natural'],
    ]);
    expect(busy.requests).toHaveLength(1);
  },
  TEST_TIMEOUT_MS,
);
