import { createRandom, randomBelow } from '@llm-d/determinism';
import { createFleet, encodeBatch, startEngineSocket } from '@llm-d/kv-events/testing';
import type { KvBlockIndex } from '@llm-d/kv-index';
import { isSkipped, readExposition, titleWith } from '@llm-d/test-kit';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { claimsOf, holdersOf } from './index-view.ts';
import { kvParts, startKvStack } from './kv-stack.ts';

const PODS = 200;
/** Of the relay, beyond what it takes without engines. */
const MOST_GROWTH_MIB = 200;

const socketPort = (endpoint = ''): number => Number(/:(\d+)$/.exec(endpoint)?.[1]);

async function residentMib(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024;
}

describe.skipIf(isSkipped(kvParts))(
  titleWith('two hundred pods that join at once', kvParts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('are all followed, from their beginning, in bounded memory', async () => {
      await using stack = await startKvStack({ engines: [], indexerArgs: ['--block-size=4'] });
      await using sockets = new AsyncDisposableStack();
      const random = createRandom(5);
      const fleet = createFleet({ random, prompts: 20 });
      const pods = await Promise.all(
        Array.from({ length: PODS }, async (_, i) => {
          // Nobody serves there: it is a name.
          const pod = `127.0.0.1:${20_000 + i}`;
          const socket = sockets.use(await startEngineSocket({ topic: `kv@${pod}@m` }));
          return { pod, socket, engine: fleet.add(pod) };
        }),
      );
      let clock = 0;
      const step = async (one: (typeof pods)[number]): Promise<void> => {
        const payload = encodeBatch(one.engine.step(), { timestampSeconds: ++clock / 1000 });
        await one.socket.publish(payload);
      };
      const some = async (batches: number): Promise<void> => {
        for (let i = 0; i < batches; i++) {
          const one = pods[randomBelow(random, PODS)];
          if (one !== undefined) await step(one);
          if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        }
      };
      for (const one of pods) for (let i = 0; i < 10; i++) await step(one);
      const beforeMib = await residentMib(stack.relay.pid);
      await stack.setPublishers(
        pods.map(({ pod, socket }) => ({
          pod,
          eventsPort: socketPort(socket.endpoint),
          replayPort: socketPort(socket.replayEndpoint),
        })),
      );
      // While they are joining, too.
      await some(2000);
      const wholeSources = async () => (await claimsOf(stack.indexer.url)).freshness.wholeSources;
      await expect.poll(wholeSources, { timeout: 60_000 }).toBe(PODS);
      await some(1000);
      const index: Pick<KvBlockIndex, 'lookup'> = {
        lookup: (keys) => holdersOf(stack.indexer.url, keys),
      };
      await expect.poll(() => fleet.differences(index, 'm'), { timeout: 40_000 }).toEqual([]);
      expect((await claimsOf(stack.indexer.url)).freshness).toMatchObject({
        ...{ sources: PODS, wholeSources: PODS, lostBatches: 0 },
      });
      const metrics = await readExposition(stack.relay.url);
      expect(metrics.sum('llm_d_kv_relay_sources')).toBe(PODS);
      expect((await residentMib(stack.relay.pid)) - beforeMib).toBeLessThan(MOST_GROWTH_MIB);
    });
  },
);
