import { systemClock } from '@llm-d/determinism';
import { noopLogger } from '@llm-d/telemetry';
import {
  findNatsServer,
  isSkipped,
  pathOf,
  startNatsServer,
  titleWith,
  type NatsServer,
} from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { testOptions, until } from '../kv-indexer.testing.ts';
import { connectNats } from './nats-connection.ts';
import { joinSnapshotLease } from './snapshot-lease.ts';

const part = await findNatsServer();

async function join(server: NatsServer, replica: string) {
  const options = { ...testOptions.nats, servers: [server.url] };
  const connection = await connectNats(options, { creds: undefined, timeoutMs: 5000 });
  const lease = await joinSnapshotLease({
    ...{ connection, replica, bucket: 'L', leaseMs: 1000, clock: systemClock, logger: noopLogger },
  });
  return { connection, lease };
}

describe.skipIf(isSkipped(part))(
  titleWith('the lease of snapshots', part),
  { timeout: 60_000 },
  () => {
    test('one of two has it, and the other when that one gives it back', async () => {
      await using server = await startNatsServer({ path: pathOf(part) });
      const [one, two] = [await join(server, 'one'), await join(server, 'two')];
      // Longer than it lasts without being renewed.
      const untilMs = systemClock.nowMs() + 1500;
      await until(() => {
        expect(one.lease.isHeld && two.lease.isHeld).toBe(false);
        return systemClock.nowMs() > untilMs && (one.lease.isHeld || two.lease.isHeld);
      });
      const [holder, other] = one.lease.isHeld ? [one, two] : [two, one];
      await holder.lease[Symbol.asyncDispose]();
      expect(holder.lease.isHeld).toBe(false);
      await until(() => other.lease.isHeld);
      await other.lease[Symbol.asyncDispose]();
      for (const { connection } of [one, two]) await connection.close();
    });

    test('whoever falls silent has it no longer, and both never have it at once', async () => {
      await using server = await startNatsServer({ path: pathOf(part) });
      const [one, two] = [await join(server, 'one'), await join(server, 'two')];
      await one.connection.close();
      await until(() => {
        expect(one.lease.isHeld && two.lease.isHeld).toBe(false);
        return two.lease.isHeld;
      });
      for (const { lease, connection } of [one, two]) {
        await lease[Symbol.asyncDispose]();
        await connection.close();
      }
    });
  },
);
