// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { Logger } from '@llm-d/telemetry';
import { JetStreamApiCodes, JetStreamApiError } from '@nats-io/jetstream';
import { Kvm, type KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

/** The right to do what one of several replicas is enough for. */
export interface SnapshotLease extends AsyncDisposable {
  /** Whether this replica has it at this moment. */
  readonly isHeld: boolean;
}

export interface SnapshotLeaseOptions {
  /** Stays its owner's. */
  readonly connection: NatsConnection;
  /** Bucket that is made where it is missing. */
  readonly bucket: string;
  /** Names this replica: no other may have it. */
  readonly replica: string;
  /** How long a silent replica has it, in milliseconds; one that lives renews it three times meanwhile. */
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const KEY = 'snapshots';

/**
 * Competes for the lease, an entry of a NATS KV bucket that expires unless it is renewed. Resolves after the first try.
 * Rejects where the bucket cannot be had.
 */
export async function joinSnapshotLease(options: SnapshotLeaseOptions): Promise<SnapshotLease> {
  const { connection, bucket, leaseMs } = options;
  const entries = await new Kvm(connection).create(bucket, { ttl: leaseMs });
  const lease = new Lease(entries, options);
  await lease.compete();
  return lease;
}

class Lease implements SnapshotLease {
  readonly #entries: KV;
  readonly #options: SnapshotLeaseOptions;
  #timer: Timer | undefined;
  /** Of the entry that is ours. */
  #revision: number | undefined;
  #heldUntilMs = -Infinity;
  #isClosed = false;
  #underWay: Promise<void> = Promise.resolve();

  constructor(entries: KV, options: SnapshotLeaseOptions) {
    this.#entries = entries;
    this.#options = options;
  }

  get isHeld(): boolean {
    return this.#options.clock.nowMs() < this.#heldUntilMs;
  }

  /** Takes or renews it now, and again and again from here on. */
  compete(): Promise<void> {
    this.#underWay = this.#try().finally(() => {
      if (this.#isClosed) return;
      const { clock, leaseMs } = this.#options;
      this.#timer = clock.schedule(leaseMs / 3, () => void this.compete());
    });
    return this.#underWay;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#underWay;
    if (this.#revision === undefined || !this.isHeld) return;
    this.#heldUntilMs = -Infinity;
    // Another one need not wait until it expires.
    await this.#entries.delete(KEY, { previousSeq: this.#revision }).catch(() => undefined);
  }

  async #try(): Promise<void> {
    const { clock, leaseMs, logger, replica } = this.#options;
    const wasHeld = this.isHeld;
    // The server counts from when it hears of it, which is later.
    const startMs = clock.nowMs();
    try {
      this.#revision =
        this.#revision === undefined
          ? await this.#entries.create(KEY, replica)
          : await this.#entries.update(KEY, replica, this.#revision);
      this.#heldUntilMs = startMs + leaseMs;
      if (!wasHeld) logger.info('this replica takes the snapshots from now on', { replica });
    } catch (error) {
      if (!isTaken(error)) {
        // Nobody may have heard of it, or somebody has: it is held until it surely is not.
        if (wasHeld) logger.warn('the lease of the snapshots was not renewed', { error });
        return;
      }
      this.#revision = undefined;
      this.#heldUntilMs = -Infinity;
      if (wasHeld) logger.warn('another replica takes the snapshots', { replica });
    }
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;
