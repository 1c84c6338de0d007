import { VirtualClock } from '@llm-d/determinism';
import { snapshotFollowed, type KvSnapshot } from '@llm-d/kv-events';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { batchOf, feed, storedPrompt } from './fake-kv-sources.testing.ts';
import { OwnIndex } from './own-index.ts';

const tokens = (length: number, first = 1) => Uint32Array.from({ length }, (_, i) => first + i);
function setUp() {
  const stored: number[] = [];
  const logged: string[] = [];
  const logger = { ...noopTelemetry.logger, error: (message: string) => logged.push(message) };
  const own = new OwnIndex({
    index: { blockSizeTokens: 16 },
    context: { clock: new VirtualClock(), telemetry: { ...noopTelemetry, logger } },
    onStored: (_, blocks) => stored.push(blocks),
  });
  return { own, stored, logged, blocks: () => own.index.stats().blocks };
}
async function snapshotAt(position: number): Promise<KvSnapshot> {
  const { own } = setUp();
  await feed(own, batchOf('p:1', 0, storedPrompt(tokens(64))));
  const { signal } = new AbortController();
  const bytes = await snapshotFollowed(own.index, own.follower.cursors(), signal);
  return { position, takenMs: 0, bytes };
}

test('an index begins with a snapshot and goes on behind it, without taking anything twice', async () => {
  const { own, stored, blocks } = setUp();
  const { after } = await own.begin(await snapshotAt(7));
  expect([after, blocks()]).toEqual([7, 4]);
  await own.onMessage(batchOf('p:1', 0, storedPrompt(tokens(64))), 7);
  await own.onMessage(batchOf('p:1', 1, storedPrompt(tokens(32, 500))), 8);
  expect([blocks(), stored]).toEqual([6, [2]]);
  expect(own.follower.freshness()).toMatchObject({ sources: 1, wholeSources: 1 });
});

test('what is known already is not given up for an older snapshot', async () => {
  const { own, blocks } = setUp();
  await own.onMessage(batchOf('p:1', 0, storedPrompt(tokens(160))), 9);
  expect((await own.begin(await snapshotAt(7))).after).toBe(9);
  expect(blocks()).toBe(10);
  expect((await own.begin(undefined)).after).toBe(9);
});

test('a snapshot that cannot be used is passed over', async () => {
  const { own, blocks, logged } = setUp();
  const snapshot = await snapshotAt(7);
  snapshot.bytes.fill(0, 40);
  expect((await own.begin(snapshot)).after).toBeUndefined();
  expect([blocks(), logged]).toEqual([0, ['a snapshot of the KV index cannot be used']]);
});

test('what the bus has forgotten is not asked for again', async () => {
  const { own } = setUp();
  own.onTruncated(12);
  expect((await own.begin(undefined)).after).toBe(12);
});
