// SPDX-License-Identifier: Apache-2.0
import { AbortedError, sleep, type Clock, type Random, type Timer } from '@llm-d/determinism';
import { defineGauge, noopTelemetry, type Gauge, type Telemetry } from '@llm-d/telemetry';
import { leases, type Lease } from '../built-in-types.ts';
import type { KubeClient } from '../client/client.ts';
import { isConflict, isNotFound } from '../errors.ts';
import { leaseOf, microTime, recordOf, type LeaseRecord } from './lease-record.ts';

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  /** Name and namespace of the lease that is fought for, such as `epp-<namespace>-<pool>.llm-d.ai`. */
  readonly lease: { readonly name: string; readonly namespace: string };
  /** Who we are; no other candidate may be called so. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry?: Telemetry;
  /** How long after its last sign of life a leader is left alone. Default 15,000, as client-go. */
  readonly leaseDurationMs?: number;
  /** How long a leader that cannot renew goes on leading. Less than the duration. Default 10,000. */
  readonly renewDeadlineMs?: number;
  /** Time between attempts. Default 2,000. */
  readonly retryPeriodMs?: number;
  /** Whether a leader that stops lets go, so that the next one need not wait. Default true. */
  readonly releaseOnStop?: boolean;
}

/** Whether we lead. */
export type Leadership =
  | {
      readonly kind: 'leader';
      /** Greater than that of every other one that held this lease before. */ readonly term: number;
    }
  /** `leader` is whom the lease names, as far as we know. */
  | { readonly kind: 'follower'; readonly leader: string | undefined };

/** A running candidate. */
export interface LeaderElection extends AsyncDisposable {
  /**
   * Never says `leader` for longer than the renew deadline after the last renewal began, also when the API server does not
   * answer. Until the lease runs out for the others there is then nobody, and never two.
   */
  readonly leadership: Leadership;
  /** Calls `listener` at every change of {@link leadership}; returns how to stop that. */
  onChange(listener: (leadership: Leadership) => void): () => void;
  /** Stops leading, releases the lease where we held it, and resolves when nothing is in flight. */
  stop(): Promise<void>;
}

/** Whether we lead, under the name that client-go has for it. */
export const leaderElectionStatus = defineGauge(
  'leader_election_master_status',
  "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
  ['name'],
);

/** As client-go: candidates that wait for a lease do not all come at once. */
const JITTER = 1.2;

/**
 * Competes for a lease until it is stopped; a leader that loses it becomes a candidate again. Whether another's lease has
 * run out is judged by when we saw it change, on our own clock, never by the times in it.
 */
export function startLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const candidate = new Candidate(options);
  const stop = (): Promise<void> => candidate.stop();
  return {
    get leadership() {
      return candidate.leadership;
    },
    onChange: (listener) => candidate.onChange(listener),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

type Settings = Required<Omit<LeaderElectionOptions, 'telemetry'>> & {
  readonly telemetry: Telemetry;
};

function settle(options: LeaderElectionOptions): Settings {
  const settings = {
    telemetry: noopTelemetry,
    leaseDurationMs: 15_000,
    renewDeadlineMs: 10_000,
    retryPeriodMs: 2000,
    releaseOnStop: true,
    ...options,
  };
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs, identity } = settings;
  if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= JITTER * retryPeriodMs) {
    throw new RangeError(
      `a lease of ${leaseDurationMs} ms must last longer than its renew deadline of ${renewDeadlineMs} ms, and that longer than ${JITTER} retry periods of ${retryPeriodMs} ms`,
    );
  }
  if (identity === '') throw new RangeError('a candidate needs an identity');
  return settings;
}

class Candidate {
  readonly #settings: Settings;
  readonly #status: Gauge;
  readonly #stopping = new AbortController();
  readonly #listeners = new Set<(leadership: Leadership) => void>();
  readonly #running: Promise<void>;
  #leadership: Leadership = { kind: 'follower', leader: undefined };
  /** The lease as we last saw or wrote it, and when that was news. */
  #seen: { readonly lease: Lease; readonly atMs: number } | undefined;
  /** Ends our leadership when it is not renewed. */
  #deadline: Timer | undefined;
  /** Ends the requests of the attempt that is under way. */
  #attempt = new AbortController();
  #stopped: Promise<void> | undefined;
  /** Whether the last attempt failed; the first failure of a row is logged. */
  #failing = false;

  constructor(options: LeaderElectionOptions) {
    this.#settings = settle(options);
    this.#status = this.#settings.telemetry.metrics.gauge(leaderElectionStatus, {
      name: options.lease.name,
    });
    this.#status.set(0);
    this.#running = this.#run();
  }

  get leadership(): Leadership {
    return this.#leadership;
  }

  onChange(listener: (leadership: Leadership) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    this.#attempt.abort();
    await this.#running;
    const held = this.#leadership.kind === 'leader' ? this.#seen?.lease : undefined;
    this.#follow(undefined);
    if (held !== undefined && this.#settings.releaseOnStop) await this.#release(held);
  }

  async #run(): Promise<void> {
    const { clock, random, retryPeriodMs, renewDeadlineMs } = this.#settings;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const attempt = (this.#attempt = new AbortController());
      const timer = clock.schedule(renewDeadlineMs, () => {
        attempt.abort();
      });
      try {
        await this.#acquireOrRenew();
        this.#failing = false;
      } catch (error) {
        // Somebody else was faster; the next attempt sees who.
        if (!this.#stopping.signal.aborted && !isConflict(error)) this.#complain(error);
      } finally {
        timer.cancel();
      }
      const leading = this.#leadership.kind === 'leader';
      const waitMs = leading ? retryPeriodMs : retryPeriodMs * (1 + JITTER * random.next());
      await sleep(clock, waitMs, signal).catch(ignoreAbort);
    }
  }

  async #acquireOrRenew(): Promise<void> {
    const startedMs = this.#settings.clock.nowMs();
    // A leader that was not disturbed renews what it wrote, without reading it first.
    const known = this.#leadership.kind === 'leader' ? this.#seen?.lease : undefined;
    if (known !== undefined) {
      try {
        await this.#write(known, startedMs);
        return;
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
    const current = await this.#read();
    if (current === undefined) {
      await this.#write(undefined, startedMs);
      return;
    }
    this.#see(current);
    const { holder } = recordOf(current);
    if (holder === this.#settings.identity || this.#hasRunOut(current)) {
      await this.#write(current, startedMs);
    } else {
      this.#follow(holder);
    }
  }

  /** Makes the lease ours, or keeps it so, if it is still what we think it is. */
  async #write(current: Lease | undefined, startedMs: number): Promise<void> {
    const { client, lease, identity, clock, leaseDurationMs } = this.#settings;
    const now = microTime(clock.epochMs());
    const before = current === undefined ? undefined : recordOf(current);
    const ours = before?.holder === identity;
    const record: LeaseRecord = {
      holder: identity,
      durationMs: leaseDurationMs,
      acquireTime: ours ? before.acquireTime : now,
      renewTime: now,
      transitions: before === undefined ? 0 : before.transitions + (ours ? 0 : 1),
    };
    const call = this.#call();
    const wanted = leaseOf(record, lease, current);
    const written =
      current === undefined
        ? await client.create(leases, wanted, call)
        : await client.update(leases, wanted, call);
    this.#see(written);
    this.#lead(record.transitions, startedMs);
  }

  async #read(): Promise<Lease | undefined> {
    try {
      return await this.#settings.client.get(leases, this.#settings.lease, this.#call());
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #release(held: Lease): Promise<void> {
    const attempt = (this.#attempt = new AbortController());
    const timer = this.#settings.clock.schedule(this.#settings.renewDeadlineMs, () => {
      attempt.abort();
    });
    try {
      await this.#writeReleased(held);
    } catch (error) {
      // A renewal that was cut off may have arrived all the same.
      if (isConflict(error)) await this.#releaseAgain().catch(this.#complain);
      // Otherwise it runs out by itself.
      else this.#complain(error);
    } finally {
      timer.cancel();
    }
  }

  async #releaseAgain(): Promise<void> {
    const current = await this.#read();
    if (current === undefined || recordOf(current).holder !== this.#settings.identity) return;
    await this.#writeReleased(current);
  }

  async #writeReleased(held: Lease): Promise<void> {
    const { client, lease, clock } = this.#settings;
    const now = microTime(clock.epochMs());
    const { transitions } = recordOf(held);
    const record = { holder: '', durationMs: 1000, acquireTime: now, renewTime: now, transitions };
    await client.update(leases, leaseOf(record, lease, held), this.#call());
  }

  #call(): { readonly signal: AbortSignal } {
    return { signal: this.#attempt.signal };
  }

  #see(lease: Lease): void {
    if (lease.metadata.resourceVersion === this.#seen?.lease.metadata.resourceVersion) return;
    this.#seen = { lease, atMs: this.#settings.clock.nowMs() };
  }

  #hasRunOut(lease: Lease): boolean {
    const { holder, durationMs } = recordOf(lease);
    const seenAtMs = this.#seen?.atMs ?? Infinity;
    return holder === '' || seenAtMs + durationMs < this.#settings.clock.nowMs();
  }

  #lead(term: number, renewedMs: number): void {
    const { clock, renewDeadlineMs } = this.#settings;
    this.#deadline?.cancel();
    const leftMs = renewedMs + renewDeadlineMs - clock.nowMs();
    // The answer came so late that the others may have been told otherwise.
    if (leftMs <= 0 || this.#stopping.signal.aborted) {
      this.#follow(undefined);
      return;
    }
    this.#deadline = clock.schedule(leftMs, () => {
      this.#follow(undefined);
    });
    this.#change({ kind: 'leader', term });
  }

  #follow(leader: string | undefined): void {
    this.#deadline?.cancel();
    this.#change({ kind: 'follower', leader });
  }

  #change(next: Leadership): void {
    const before = this.#leadership;
    this.#leadership = next;
    this.#status.set(next.kind === 'leader' ? 1 : 0);
    if (JSON.stringify(before) === JSON.stringify(next)) return;
    const { lease, telemetry } = this.#settings;
    if (before.kind !== next.kind || next.kind === 'follower') {
      telemetry.logger.info('leadership changed', { lease: lease.name, ...next });
    }
    for (const listener of [...this.#listeners]) listener(next);
  }

  readonly #complain = (error: unknown): void => {
    const { lease, telemetry } = this.#settings;
    if (!this.#failing)
      telemetry.logger.warn('the lease cannot be had', { lease: lease.name, error });
    this.#failing = true;
  };
}

const ignoreAbort = (error: unknown): void => {
  if (!(error instanceof AbortedError)) throw error;
};
