import { VirtualClock } from '@llm-d/determinism';
import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { createKvFollower, restoreFollowed, snapshotFollowed } from '../index.ts';
import { makeBatch, makeLoss, makeSource, stored } from '../testing/index.ts';

const options = { blockSizeTokens: 2 };
const never = new AbortController().signal;
const clock = new VirtualClock();
const followerOf = (index = createMemoryKvBlockIndex(options)) => ({
  index,
  follower: createKvFollower({ index, clock, telemetry: noopTelemetry }),
});
const [a, b] = [makeSource('a'), makeSource('b', { epoch: '7' })];
const block = (hash: bigint, ...tokens: number[]) => stored({ hashes: [hash], tokens });

async function filled() {
  const { index, follower } = followerOf();
  await follower.onMessage(makeBatch(a, 0, block(1n, 1, 2)));
  await follower.onMessage(makeBatch(b, 0, block(1n, 1, 2)));
  await follower.onMessage(makeLoss(b, 1, 4));
  await follower.onMessage(makeBatch(b, 5, block(2n, 3, 4)));
  return { index, follower };
}

test('a follower goes on from a snapshot without taking what follows for a gap', async () => {
  const { index, follower } = await filled();
  const taking = snapshotFollowed(index, follower.cursors(), never);
  const later = makeBatch(a, 1, block(3n, 5, 6));
  await follower.onMessage(later);
  const restored = await restoreFollowed(await taking, options);
  expect(restored.index.stats().copies).toBe(3);
  const again = createKvFollower({ ...restored, clock, telemetry: noopTelemetry });
  await again.onMessage(makeBatch(a, 0, block(1n, 1, 2)));
  await again.onMessage(later);
  const plain = (one: typeof follower) =>
    one
      .sources()
      .map(({ source, state, sequence, lostBatches }) => [
        ...[source.pod, source.epoch],
        ...[state, sequence, lostBatches],
      ]);
  expect(plain(again)).toEqual(plain(follower));
  expect(plain(again)).toEqual([
    ['a', '1', 'whole', 1, 0],
    ['b', '7', 'incomplete', 5, 4],
  ]);
  expect(restored.index.stats().copies).toBe(index.stats().copies);
});

test('damage is named, wherever it is', async () => {
  const { index, follower } = await filled();
  const whole = Buffer.from(await snapshotFollowed(index, follower.cursors(), never));
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    const code = expect.stringMatching(/^KV_SNAPSHOT_/) as string;
    await expect(restoreFollowed(damaged, options)).rejects.toMatchObject({ code });
    await expect(restoreFollowed(whole.subarray(0, at), options)).rejects.toMatchObject({ code });
  }
  await expect(restoreFollowed(whole, { blockSizeTokens: 4 })).rejects.toMatchObject({
    code: 'KV_SNAPSHOT_OPTIONS',
  });
});

test('a snapshot that nobody waits for is given up', async () => {
  const { index, follower } = await filled();
  const reason = new Error('enough');
  const taking = snapshotFollowed(index, follower.cursors(), AbortSignal.abort(reason));
  await expect(taking).rejects.toBe(reason);
});
