import { VirtualClock } from '@llm-d/determinism';
import {
  createKvFollower,
  restoreFollowed,
  type KvSnapshot,
  type KvSnapshotStore,
} from '@llm-d/kv-events';
import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { holding, until } from '../kv-indexer.testing.ts';
import { keepSnapshots, type SnapshotKeeperOptions } from './snapshot-keeper.ts';

function keeping(save: KvSnapshotStore['save'], more: Partial<SnapshotKeeperOptions> = {}) {
  const clock = new VirtualClock();
  const index = createMemoryKvBlockIndex({ blockSizeTokens: 2 });
  const follower = createKvFollower({ index, clock, telemetry: noopTelemetry });
  const reached: { position: number | undefined } = { position: undefined };
  const keeper = keepSnapshots({
    ...{ index, follower, clock, telemetry: noopTelemetry },
    store: { save, load: () => Promise.resolve(undefined) },
    position: () => reached.position,
    saved: undefined,
    mayTake: () => true,
    intervalMs: 60_000,
    timeoutMs: 10_000,
    ...more,
  });
  return { clock, index, follower, reached, keeper };
}
const never = new AbortController().signal;

test('one is taken after every interval in which something was applied', async () => {
  const saved: KvSnapshot[] = [];
  const { clock, follower, reached, keeper } = keeping((snapshot) => {
    saved.push(snapshot);
    return Promise.resolve();
  });
  clock.advance(60_000);
  await keeper.take(never);
  expect(saved).toHaveLength(0);
  await follower.onMessage(holding('a', 3));
  reached.position = 7;
  clock.advance(60_000);
  await until(() => saved.length === 1);
  expect(await keeper.take(never)).toBe('unchanged');
  clock.advance(60_000);
  await keeper.take(never);
  expect(saved.map(({ position, takenMs }) => [position, takenMs])).toEqual([[7, keeper.savedMs]]);
  const { index, cursors } = await restoreFollowed(saved[0]?.bytes ?? new Uint8Array(), {
    blockSizeTokens: 2,
  });
  expect([index.stats().copies, cursors.map(({ sequence }) => sequence)]).toEqual([3, [0]]);
  await keeper.stop();
});

test('one that fails, or takes too long, does not keep the next from being taken', async () => {
  let calls = 0;
  const { clock, reached, keeper } = keeping((_, signal) => {
    calls++;
    if (calls === 1) return Promise.reject(new Error('no'));
    if (calls > 2) return Promise.resolve();
    return new Promise((__, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
    });
  });
  reached.position = 1;
  expect(await keeper.take(never)).toBe('failed');
  const slow = keeper.take(never);
  await until(() => calls === 2);
  clock.advance(10_000);
  expect(await slow).toBe('failed');
  expect(keeper.savedMs).toBeUndefined();
  expect(await keeper.take(never)).toBe('saved');
  await keeper.stop();
});

test('a replica that has not got the lease takes none', async () => {
  const lease = { isHeld: false };
  const { reached, keeper } = keeping(() => Promise.resolve(), { mayTake: () => lease.isHeld });
  reached.position = 1;
  expect(await keeper.take(never)).toBe('standby');
  lease.isHeld = true;
  expect(await keeper.take(never)).toBe('saved');
  await keeper.stop();
});

test('the place that it began with is not saved again', async () => {
  const { reached, keeper } = keeping(() => Promise.resolve(), { saved: 5 });
  reached.position = 5;
  expect(await keeper.take(never)).toBe('unchanged');
  reached.position = 6;
  expect(await keeper.take(never)).toBe('saved');
  await keeper.stop();
});

test('stopping gives up the one under way, and no more are taken', async () => {
  const reasons: unknown[] = [];
  let calls = 0;
  const { clock, reached, keeper } = keeping((_, signal) => {
    calls++;
    return new Promise((__, reject) => {
      signal.addEventListener('abort', () => {
        reasons.push(signal.reason);
        reject(signal.reason as Error);
      });
    });
  });
  reached.position = 6;
  clock.advance(60_000);
  await until(() => calls === 1);
  await keeper.stop();
  clock.advance(600_000);
  expect([calls, reasons]).toEqual([1, [new Error('the program ends')]]);
});
