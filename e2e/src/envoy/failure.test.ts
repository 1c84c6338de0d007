import { isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS, chat, post } from '../stack.ts';
import { envoy, startEnvoyStack, type EnvoyStack } from './envoy-stack.ts';

const statusOf = async (stack: EnvoyStack): Promise<number> => {
  const answer = await post(`${stack.url}/v1/chat/completions`, chat(2));
  await answer.text();
  return answer.status;
};

/** Asks again and again until stopped; gives the statuses. */
function keepAsking(stack: EnvoyStack): { stop(): Promise<readonly number[]> } {
  const statuses: number[] = [];
  let stopped = false;
  const one = async (): Promise<void> => {
    while (!stopped) statuses.push(await statusOf(stack).catch(() => 0));
  };
  const clients = Promise.all(Array.from({ length: 8 }, one));
  return {
    stop: async () => {
      stopped = true;
      await clients;
      return statuses;
    },
  };
}

describe.skipIf(isSkipped(envoy))(
  titleWith('an endpoint picker that goes away behind a real Envoy', envoy),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('closed on failure: requests get 500 while it is gone, and are served when it is back', async () => {
      await using stack = await startEnvoyStack();
      expect(await statusOf(stack)).toBe(200);
      await stack.epp.kill();
      expect(await statusOf(stack)).toBe(500);
      await stack.restartEpp();
      await expect.poll(() => statusOf(stack), { timeout: 20_000 }).toBe(200);
    });

    test('open on failure: requests are served without it, by anybody', async () => {
      await using stack = await startEnvoyStack({
        envoy: (hosts) => ({ failOpen: true, destination: { kind: 'override-host', hosts } }),
      });
      await stack.epp.kill();
      await expect.poll(() => statusOf(stack), { timeout: 20_000 }).toBe(200);
      for (let i = 0; i < 20; i++) expect(await statusOf(stack)).toBe(200);
      await stack.restartEpp();
      expect(await statusOf(stack)).toBe(200);
    });

    test('a restart that drains loses no request that goes on, and new ones fail open', async () => {
      await using stack = await startEnvoyStack({
        eppArgs: ['--drain-timeout=3s'],
        envoy: (hosts) => ({ failOpen: true, destination: { kind: 'override-host', hosts } }),
      });
      const streamed = await post(`${stack.url}/v1/chat/completions`, chat(400, { stream: true }));
      const load = keepAsking(stack);
      stack.epp.signal('SIGTERM');
      expect(await streamed.text()).toContain('data: [DONE]');
      const end = await stack.epp.ended;
      await stack.restartEpp();
      const statuses = await load.stop();
      expect(end.code).toBe(0);
      expect(statuses.length).toBeGreaterThan(20);
      expect(statuses.filter((status) => status !== 200)).toEqual([]);
    });
  },
);
