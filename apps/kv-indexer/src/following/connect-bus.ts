// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { type NatsKvBus, connectNatsKvBus } from '@llm-d/kv-events/nats';
import type { Telemetry } from '@llm-d/telemetry';
import { readFile } from 'node:fs/promises';
import type { NatsOptions } from '../options.ts';
import { FileError } from '../start-error.ts';
import { connectNats } from './nats-connection.ts';
import { type SnapshotLease, joinSnapshotLease } from './snapshot-lease.ts';

const TIMEOUT_MS = 5000;
const LEASE_MS = 15_000;

/** The bus that options name. Rejects with FileError or KvBusError. */
export async function connectBus(options: NatsOptions, telemetry: Telemetry): Promise<NatsKvBus> {
  const { servers, stream, subjectPrefix, token, user, password } = options;
  const text = await readCreds(options);
  const credentials =
    text !== undefined
      ? { kind: 'creds' as const, text }
      : token !== undefined
        ? { kind: 'token' as const, token }
        : user !== undefined
          ? { kind: 'password' as const, user, password: password ?? '' }
          : undefined;
  return connectNatsKvBus({
    ...{ servers, stream, subjectPrefix, telemetry, credentials, timeoutMs: TIMEOUT_MS },
    name: 'llm-d-kv-indexer',
  });
}

export interface LeaseParts {
  readonly replica: string;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/**
 * The lease of those who take snapshots of the stream that options name. Where it cannot be had, as without the right to
 * make a bucket, it is held by everybody: snapshots of several replicas replace each other, and all are good.
 */
export async function connectLease(
  options: NatsOptions,
  { replica, clock, telemetry }: LeaseParts,
): Promise<SnapshotLease> {
  const { logger } = telemetry;
  await using opened = new AsyncDisposableStack();
  try {
    const creds = await readCreds(options);
    const connection = await connectNats(options, { creds, timeoutMs: TIMEOUT_MS });
    opened.defer(() => connection.close());
    const lease = opened.use(
      await joinSnapshotLease({
        ...{ connection, replica, clock, logger },
        bucket: `${options.stream}_LEASES`,
        leaseMs: LEASE_MS,
      }),
    );
    const all = opened.move();
    return {
      get isHeld() {
        return lease.isHeld;
      },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    };
  } catch (error) {
    logger.warn('there is no lease for snapshots: every replica takes them', { error });
    return { isHeld: true, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}

async function readCreds({ credsFile }: NatsOptions): Promise<string | undefined> {
  if (credsFile === undefined) return undefined;
  try {
    return await readFile(credsFile, 'utf8');
  } catch (error) {
    throw new FileError('--nats-creds', credsFile, error);
  }
}
