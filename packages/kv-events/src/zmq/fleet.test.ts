import { createRandom, systemClock } from '@llm-d/determinism';
import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import { expect, test } from 'vitest';
import { createKvFollower } from '../create-kv-follower.ts';
import {
  type EngineSocket,
  type FleetEngine,
  createFleet,
  encodeBatch,
  startEngineSocket,
} from '../testing/index.ts';
import { following, until } from './following.testing.ts';
import { createReplayLimiter } from './replay-limiter.ts';

/** Lets an engine do so many random things, and publishes each. */
async function live(engine: FleetEngine, socket: EngineSocket, steps: number): Promise<number> {
  let last = -1;
  for (let i = 0; i < steps; i++) {
    const timestampSeconds = performance.timeOrigin / 1000 + performance.now() / 1000;
    last = await socket.publish(encodeBatch(engine.step(), { timestampSeconds }));
  }
  return last;
}

test.each([1, 2, 3])(
  'an index equals what engines hold, after lost batches, truncated replays and restarts (seed %d)',
  async (seed) => {
    const fleet = createFleet({ random: createRandom(seed) });
    const index = createMemoryKvBlockIndex({ blockSizeTokens: 4 });
    const follower = createKvFollower({ index, clock: systemClock, telemetry: noopTelemetry });
    const replays = createReplayLimiter({ atOnce: 1 });
    await using ends = new AsyncDisposableStack();
    const engines: { pod: string; engine: FleetEngine; socket: EngineSocket }[] = [];
    for (const pod of ['a', 'b', 'c']) {
      const engine = fleet.add(pod);
      const socket = ends.use(await startEngineSocket());
      await live(engine, socket, 30);
      const onMessage = follower.onMessage.bind(follower);
      ends.use(following(socket, { pod, model: 'm', onMessage, replays, heartbeatMs: 100 }));
      engines.push({ pod, engine, socket });
    }
    await Promise.all(engines.map(({ socket }) => socket.subscribed));
    const reached = (pod: string, sequence: number, restarts: number) =>
      follower
        .sources()
        .some(
          (one) => one.source.pod === pod && one.sequence === sequence && one.restarts === restarts,
        );

    const lasts = await Promise.all(
      engines.map(({ engine, socket }, i) => {
        socket.faults.drop = (sequence) => sequence >= 50 && sequence < 70;
        socket.faults.dropFromReplay = (sequence, request) => (sequence + request) % 37 === 36 - i;
        return live(engine, socket, 100);
      }),
    );
    for (const { socket } of engines) socket.faults.dropFromReplay = () => false;
    await until(() => engines.every(({ pod }, i) => reached(pod, lasts[i] ?? 0, 0)));

    const [restarting] = engines;
    if (restarting === undefined) throw new Error('no engine');
    restarting.socket.stop();
    restarting.engine.restart();
    await restarting.socket.start();
    const last = await live(restarting.engine, restarting.socket, 60);
    await until(() => reached('a', last, 1));

    // A replay that leaves out what follows its request at once is believed; none did so here where all are whole.
    const whole = new Set(
      follower.sources().flatMap(({ source, state }) => (state === 'whole' ? [source.pod] : [])),
    );
    expect(whole).toContain('a');
    const differences = await fleet.differences(index, 'm');
    expect(differences.filter(({ pod }) => whole.has(pod))).toEqual([]);
  },
);
