import { findNatsServer, isSkipped, pathOf, startNatsServer, titleWith } from '@llm-d/test-kit';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { describe, expect, test } from 'vitest';
import { connectNatsKvBus } from './nats-kv-bus.ts';
import { damageNewestSnapshot, freshBus, openJetStream } from './nats-server.testing.ts';

const part = await findNatsServer();
const never = new AbortController().signal;
const snapshot = (position: number, length = 300_000) => ({
  ...{ position, takenMs: position },
  bytes: new Uint8Array(length).fill(position),
});

describe.skipIf(isSkipped(part))(titleWith('snapshots on NATS', part), { timeout: 60_000 }, () => {
  test('a snapshot whose pieces are all gone is passed over as well', async () => {
    await using server = await startNatsServer({ path: pathOf(part) });
    const logger = recordingLogger();
    const telemetry = { ...noopTelemetry, logger };
    const options = freshBus(server, { timeoutMs: 300, telemetry });
    await using bus = await connectNatsKvBus(options);
    await bus.snapshots.save(snapshot(1), never);
    await bus.snapshots.save(snapshot(2), never);
    const bucket = `${options.stream}_SNAPSHOTS`;
    await damageNewestSnapshot(server, bucket, 'all');
    expect(await bus.snapshots.load(never)).toMatchObject({ position: 1 });
    expect(logger.lines.map(({ fields }) => fields['position'])).toContain(2);
    await bus.snapshots.save(snapshot(3), never);
    expect(await bus.snapshots.load(never)).toMatchObject({ position: 3 });
  });

  test('what is kept is two of them, whoever saves at the same moment', async () => {
    await using server = await startNatsServer({ path: pathOf(part) });
    const options = freshBus(server);
    await using one = await connectNatsKvBus(options);
    await using two = await connectNatsKvBus(options);
    for (const position of [1, 3, 5, 7]) {
      await Promise.all([
        one.snapshots.save(snapshot(position), never),
        two.snapshots.save(snapshot(position + 1), never),
      ]);
    }
    const newest = await two.snapshots.load(never);
    expect(newest?.position).toBe(8);
    expect(Buffer.compare(newest?.bytes ?? new Uint8Array(), snapshot(8).bytes)).toBe(0);
    await using other = await openJetStream(server);
    const { state } = await other.jsm.streams.info(`OBJ_${options.stream}_SNAPSHOTS`);
    // Two names and twice three pieces: nothing is left of the others.
    expect(state.messages).toBe(8);
  });

  test('saving and loading end with their signal', async () => {
    await using server = await startNatsServer({ path: pathOf(part) });
    await using bus = await connectNatsKvBus(freshBus(server));
    await bus.snapshots.save(snapshot(1), never);
    const stop = AbortSignal.abort(new Error('enough'));
    await expect(bus.snapshots.save(snapshot(2), stop)).rejects.toThrow('enough');
    await expect(bus.snapshots.load(stop)).rejects.toThrow('enough');
    expect(await bus.snapshots.load(never)).toMatchObject({ position: 1 });
  });
});
