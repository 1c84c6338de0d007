// SPDX-License-Identifier: Apache-2.0
import type {
  KvBus,
  KvBusPosition,
  KvBusReader,
  KvIndexFollower,
  KvMessage,
} from '@llm-d/kv-events';
import type { Telemetry } from '@llm-d/telemetry';
import { appliedPosition, caughtUp, truncations } from '../indexer-metrics.ts';

export interface FollowedBusOptions {
  readonly bus: KvBus;
  readonly follower: KvIndexFollower;
  /** Begins behind this place. */
  readonly after: KvBusPosition | undefined;
  /** Called when everything that the bus had was applied for the first time. */
  readonly onFirstCaughtUp: () => void;
  readonly telemetry: Telemetry;
}

/** A bus that is being read into an index. */
export interface FollowedBus {
  /** The last message that was applied; undefined before the first. */
  readonly position: KvBusPosition | undefined;
  /** Whether everything that the bus had was applied at some time since the beginning. */
  readonly hasCaughtUp: boolean;
  /** Up to where the bus had forgotten what follows, most recently; undefined for never. */
  readonly truncatedUntil: KvBusPosition | undefined;
  /** Why nothing is read any more though nobody asked for it; undefined as long as all is well. */
  readonly problem: unknown;
  /** Ends the reading. Resolves when the last message is applied. */
  stop(): Promise<void>;
}

/** Reads a bus until it is stopped. The index has exactly what `position` says whenever its own turn is over. */
export function followBus(options: FollowedBusOptions): FollowedBus {
  return new BusFollowing(options);
}

class BusFollowing implements FollowedBus, KvBusReader {
  readonly #options: FollowedBusOptions;
  readonly #ending = new AbortController();
  readonly #ended: Promise<void>;
  position: KvBusPosition | undefined;
  hasCaughtUp = false;
  truncatedUntil: KvBusPosition | undefined;
  problem: unknown;

  constructor(options: FollowedBusOptions) {
    this.#options = options;
    this.position = options.after;
    this.#ended = this.#read();
  }

  onMessage(message: KvMessage, position: KvBusPosition): void | Promise<void> {
    const done = this.#options.follower.onMessage(message, position);
    const reached = (): void => {
      this.#reached(message, position);
    };
    if (done instanceof Promise) return done.then(reached);
    reached();
    return undefined;
  }

  onTruncated(until: KvBusPosition): void {
    const { logger, metrics } = this.#options.telemetry;
    logger.warn('the bus has forgotten what follows: sources are incomplete', {
      ...{ after: this.position, until },
    });
    metrics.counter(truncations, {}).inc();
    this.truncatedUntil = until;
    this.#options.follower.onTruncated();
    this.#advance(until);
  }

  onCaughtUp(isCaughtUp: boolean): void {
    const { logger, metrics } = this.#options.telemetry;
    metrics.gauge(caughtUp, {}).set(isCaughtUp ? 1 : 0);
    this.#options.follower.onCaughtUp(isCaughtUp);
    if (!isCaughtUp || this.hasCaughtUp) return;
    this.hasCaughtUp = true;
    logger.info('caught up', { position: this.position });
    this.#options.onFirstCaughtUp();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#ended;
  }

  async #read(): Promise<void> {
    const { bus, after, telemetry } = this.#options;
    const { signal } = this.#ending;
    try {
      await bus.read(this, { after, signal });
      if (!signal.aborted) throw new Error('the bus was closed');
    } catch (error) {
      if (signal.aborted) return;
      telemetry.logger.error('the bus is not read any more', { error });
      this.problem = error;
    }
  }

  #reached({ kind }: KvMessage, position: KvBusPosition): void {
    // Heartbeats are not kept by a bus: their place is another message's.
    if (kind !== 'heartbeat') this.#advance(position);
  }

  #advance(position: KvBusPosition): void {
    if (this.position !== undefined && position <= this.position) return;
    this.position = position;
    this.#options.telemetry.metrics.gauge(appliedPosition, {}).set(position);
  }
}
