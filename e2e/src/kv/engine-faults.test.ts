import { isSkipped, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { truthOf } from './engine-truth.ts';
import { claimsOf } from './index-view.ts';
import { beginAnew, clearCaches } from './kv-engine.ts';
import { kvParts } from './kv-stack.ts';
import { startKvTrial, type KvTrial } from './kv-trial.ts';

const SOME = 120;

const claimOf = async ({ stack, engine }: KvTrial) =>
  (await claimsOf(stack.indexer.url)).sources.find(({ source }) => source.pod === engine.pod);

describe.skipIf(isSkipped(kvParts))(
  titleWith('the index is equal to engines', kvParts),
  { timeout: TEST_TIMEOUT_MS },
  () => {
    test('that are killed and come back where they were, empty and counting from 0', async () => {
      await using trial = await startKvTrial();
      await trial.serve(SOME);
      const before = await trial.converged();
      const [known] = before.claims.sources;
      await trial.engine.kill();
      await trial.engine.start();
      await trial.serve(SOME / 4);
      const { sequence } = await truthOf(trial.engine);
      expect(sequence).toBeLessThan(known?.sequence ?? 0);
      await trial.converged();
      expect(await claimOf(trial)).toMatchObject({ state: 'whole', sequence, restarts: 1 });
    });

    test('that begin anew and have nothing to say yet', async () => {
      await using trial = await startKvTrial();
      await trial.serve(SOME);
      await trial.converged();
      await beginAnew(trial.engine);
      await trial.converged({ whole: false });
      expect(await claimOf(trial)).toMatchObject({ state: 'waiting', sequence: -1 });
      await trial.serve(SOME / 4);
      await trial.converged();
    });

    test('of which one message in a hundred is lost on the wire', async () => {
      const faulty = { args: ['--kv-events-drop-rate', '1'] };
      await using trial = await startKvTrial({ engines: [faulty, faulty] });
      do await trial.serve(SOME);
      while ((await eventsOf(trial)).dropped < 3);
      const { claims } = await trial.converged();
      expect(claims.freshness).toMatchObject({ wholeSources: 2, lostBatches: 0 });
    });

    test('whose history was cut before anybody listened, once they have cleared their caches', async () => {
      await using trial = await startKvTrial({
        engines: [{ bufferSteps: 20 }, {}],
        relays: false,
      });
      await trial.serve(SOME);
      await trial.stack.relay.start();
      await expect
        .poll(() => claimOf(trial), { timeout: 20_000 })
        .toMatchObject({
          state: 'incomplete',
        });
      await trial.serve(SOME);
      await clearCaches(trial.engine);
      await trial.serve(SOME);
      await trial.converged();
      expect((await claimOf(trial))?.lostBatches).toBeGreaterThan(0);
    });

    test('of which messages are cut in half, once they were started anew', async () => {
      await using trial = await startKvTrial({
        engines: [{ args: ['--kv-events-truncate', '5'] }, {}],
      });
      do await trial.serve(SOME);
      while ((await eventsOf(trial)).truncated === 0);
      await expect
        .poll(() => claimOf(trial), { timeout: 20_000 })
        .toMatchObject({
          state: 'incomplete',
        });
      await trial.engine.kill();
      trial.engine.setArgs([]);
      await trial.engine.start();
      await trial.serve(SOME / 2);
      await trial.converged();
      expect(await claimOf(trial)).toMatchObject({ state: 'whole', lostBatches: 0 });
    });
  },
);

async function eventsOf({ engine }: KvTrial) {
  const report = (await (await fetch(`${engine.url}/debug/kv-cache`)).json()) as {
    readonly events: { readonly dropped: number; readonly truncated: number };
  };
  return report.events;
}
