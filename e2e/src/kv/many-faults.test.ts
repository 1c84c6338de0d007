import { createRandom, randomBelow } from '@llm-d/determinism';
import { isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { kvParts, type KvStack } from './kv-stack.ts';
import { startKvTrial } from './kv-trial.ts';

const FAULTS = 10;
const restart = async (program: { kill(): Promise<void>; start(): Promise<void> }) => {
  await program.kill();
  await program.start();
};

/** What may happen, by name. */
const happenings: Readonly<
  Record<string, (stack: KvStack, random: () => number) => Promise<void>>
> = {
  relay: ({ relay }) => restart(relay),
  indexer: ({ indexer }) => restart(indexer),
  nats: async ({ nats }, random) => {
    await nats.stop(random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
    await nats.start();
  },
  'nats stands still': async ({ nats }) => {
    await nats.pause();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await nats.resume();
  },
  redis: async ({ redis }) => {
    await redis.stop();
    await redis.start('empty');
  },
  engine: async ({ engines }, random) => {
    const engine = engines[Math.floor(random() * engines.length)];
    if (engine !== undefined) await restart(engine);
  },
  'engine and relay': async ({ engines, relay }, random) => {
    await relay.kill();
    const engine = engines[Math.floor(random() * engines.length)];
    if (engine !== undefined) await restart(engine);
    await relay.start();
  },
};

describe.skipIf(isSkipped(kvParts))(
  titleWith('many faults one after the other', kvParts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test.each([4])('leave an index that is equal to the engines (seed %i)', async (seed) => {
      const faulty = { args: ['--kv-events-drop-rate', '1'] };
      await using trial = await startKvTrial({
        engines: [faulty, {}],
        indexerArgs: ['--snapshot-interval=1s'],
      });
      const random = createRandom(seed);
      const names = Object.keys(happenings);
      const happened: string[] = [];
      const load = trial.load();
      for (let fault = 0; fault < FAULTS; fault++) {
        await load.more(10 + randomBelow(random, 60));
        const name = names[randomBelow(random, names.length)] ?? '';
        happened.push(name);
        await happenings[name]?.(trial.stack, () => random.next());
      }
      await load.more(40);
      await load.stop();
      const { claims } = await trial.converged().catch((error: unknown) => {
        throw new Error(`after ${happened.join(', ')}: ${String(error)}`, { cause: error });
      });
      expect(claims.freshness).toMatchObject({ sources: 2, wholeSources: 2, lostBatches: 0 });
    });
  },
);
