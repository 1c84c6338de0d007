import { isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { truthOf } from './engine-truth.ts';
import { claimsOf, mapOf, mirrorOf } from './index-view.ts';
import { kvParts } from './kv-stack.ts';
import { startKvTrial } from './kv-trial.ts';

/** Between two events of a test, with load: enough for blocks to move and to be dropped. */
const SOME = 120;
const WHOLE = { sources: 2, wholeSources: 2, lostBatches: 0, isCaughtUp: true };

describe.skipIf(isSkipped(kvParts))(
  titleWith('the index is equal to the engines, and never claims to be before', kvParts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('after the relay was killed under load', async () => {
      await using trial = await startKvTrial();
      const { relay } = trial.stack;
      const load = trial.load();
      await load.more(SOME);
      await relay.kill();
      await load.more(SOME);
      await relay.start();
      await load.more(SOME);
      await load.stop();
      const { claims } = await trial.converged();
      expect(claims.freshness).toMatchObject(WHOLE);
      const held = await Promise.all(trial.stack.engines.map(truthOf));
      await expect
        .poll(() => mapOf(trial.stack.indexer.url), { timeout: 20_000 })
        .toEqual(new Map(held.map(({ pod, blocks }) => [pod, blocks])));
    });

    test.each([
      ['fewer', SOME / 4],
      ['more', 2 * SOME],
    ])(
      'after an engine was started anew without a relay and made %s batches',
      async (_, answers) => {
        await using trial = await startKvTrial();
        const { relay } = trial.stack;
        await trial.serve(SOME);
        await trial.converged();
        await relay.kill();
        await trial.engine.kill();
        await trial.engine.start();
        await trial.serve(answers);
        const quietSinceMs = Date.now();
        await relay.start();
        await trial.converged({ quietSinceMs });
      },
    );

    test.each(['SIGTERM', 'SIGKILL'] as const)(
      'after NATS ended with %s and came back under load, and tells while it is away',
      async (signal) => {
        await using trial = await startKvTrial();
        const { nats, indexer } = trial.stack;
        const load = trial.load();
        await load.more(SOME);
        await nats.stop(signal);
        await load.more(SOME);
        await expect
          .poll(async () => (await claimsOf(indexer.url)).freshness.isCaughtUp, { timeout: 10_000 })
          .toBe(false);
        expect((await fetch(`${indexer.url}/readyz`)).status).toBe(200);
        await nats.start();
        await load.more(SOME);
        await load.stop();
        const { claims } = await trial.converged();
        expect(claims.freshness).toMatchObject(WHOLE);
      },
    );

    test('after Redis was restarted empty', async () => {
      await using trial = await startKvTrial();
      const { redis, indexer } = trial.stack;
      const load = trial.load();
      await load.more(SOME);
      await redis.stop();
      await load.more(SOME);
      await redis.start('empty');
      await load.more(SOME);
      await load.stop();
      await trial.converged();
      expect(await mirrorOf(indexer.url)).toMatchObject({ state: 'current', generations: 2 });
    });

    test('after the indexer was killed under load, twice, and began with a snapshot', async () => {
      await using trial = await startKvTrial({ indexerArgs: ['--snapshot-interval=1s'] });
      const { indexer } = trial.stack;
      const load = trial.load();
      for (let death = 0; death < 2; death++) {
        await expect
          .poll(() => indexer.stdout, { timeout: 30_000 })
          .toContain('a snapshot was saved');
        await load.more(SOME);
        await indexer.kill();
        await load.more(SOME / 4);
        await indexer.start();
        expect(indexer.stdout).toContain('began with a snapshot');
      }
      await load.stop();
      const { claims } = await trial.converged();
      expect(claims.freshness).toMatchObject(WHOLE);
    });
  },
);
