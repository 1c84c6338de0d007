// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { Counter, Telemetry } from '@llm-d/telemetry';
import type { KvBusPosition, KvBusReader } from '../kv-bus.ts';
import type { KvHeartbeatMessage, KvMessage } from '../kv-message.ts';
import { readMessages, redeliveries, truncatedMessages } from './kv-bus-metrics.ts';
import { sourceId } from './message-id.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** Some are always on their way; with as many one can no longer say that everything was seen a moment ago. */
const FAR_BEHIND_MESSAGES = 1_000;

export interface DeliveryOptions {
  readonly reader: KvBusReader;
  /** The place that the reader has reached; undefined where it begins with the oldest message. */
  readonly after: KvBusPosition | undefined;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** After it nothing is handed over. */
  readonly signal: AbortSignal;
}

/** Hands messages to one reader, one at a time, each until it is taken. */
export class Delivery {
  readonly #options: DeliveryOptions;
  /** The latest of each source, with the place that the reader must have reached before. */
  readonly #heartbeats = new Map<string, { message: KvHeartbeatMessage; behind: KvBusPosition }>();
  readonly #taken = new Map<KvMessage['kind'], Counter>();
  #cursor: KvBusPosition | undefined;
  #busy: Promise<void> | undefined;
  #isCaughtUp: boolean | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#cursor = options.after;
  }

  /** The place up to which the reader has everything that the bus still had; undefined before the first. */
  get cursor(): KvBusPosition | undefined {
    return this.#cursor;
  }

  /** Whether the reader holds a message at this moment. */
  get isBusy(): boolean {
    return this.#busy !== undefined;
  }

  /** Fulfilled when the reader has taken the message, or when the signal fired: then without having moved the cursor. */
  async deliver(message: KvMessage, position: KvBusPosition): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
    await this.#occupy(async () => {
      if (await this.#handOver(message, position)) this.#cursor = position;
    });
  }

  /** Keeps the latest heartbeat of its source until the reader has reached `behind` and has time. */
  offerHeartbeat(message: KvHeartbeatMessage, behind: KvBusPosition): void {
    this.#heartbeats.set(sourceId(message.source), { message, behind });
    if (this.#busy === undefined) this.#beginHeartbeats();
  }

  /** Moves on over a message that is for nobody. */
  skip(position: KvBusPosition): void {
    this.#cursor = position;
  }

  /** Moves on to `until`, and tells the reader of what it misses. */
  truncate(until: KvBusPosition): void {
    const { reader, telemetry } = this.#options;
    const missing = until - (this.#cursor ?? until);
    telemetry.metrics.counter(truncatedMessages, {}).inc(Math.max(0, missing));
    telemetry.logger.warn('the bus no longer has what a reader asked for', {
      after: this.#cursor,
      until,
    });
    this.#cursor = until;
    reader.onTruncated?.(until);
  }

  /** Tells the reader when it has everything, and when it has fallen far behind again. */
  pending(messages: number): void {
    if (messages === 0) this.caughtUp(true);
    else if (messages > FAR_BEHIND_MESSAGES) this.caughtUp(false);
  }

  /** Tells the reader when it has changed. */
  caughtUp(isCaughtUp: boolean): void {
    if (this.#isCaughtUp === isCaughtUp || this.#options.signal.aborted) return;
    this.#isCaughtUp = isCaughtUp;
    this.#options.reader.onCaughtUp?.(isCaughtUp);
  }

  /** Fulfilled when the reader holds nothing. */
  async idle(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
  }

  async #occupy(work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#busy = promise;
    try {
      await work();
    } finally {
      this.#busy = undefined;
      resolve(undefined);
      this.#beginHeartbeats();
    }
  }

  #beginHeartbeats(): void {
    const cursor = this.#cursor ?? 0;
    for (const { behind } of this.#heartbeats.values()) {
      if (behind > cursor || this.#options.signal.aborted) continue;
      void this.#occupy(() => this.#handHeartbeats(cursor));
      return;
    }
  }

  async #handOver(message: KvMessage, position: KvBusPosition): Promise<boolean> {
    const { reader, clock, signal, telemetry } = this.#options;
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs *= 2) {
      try {
        await reader.onMessage(message, position);
        this.#count(message.kind);
        return true;
      } catch (error) {
        telemetry.logger.warn('a reader failed; it gets the message again', { error, position });
        telemetry.metrics.counter(redeliveries, {}).inc();
        await sleep(clock, Math.min(pauseMs, LONGEST_PAUSE_MS), signal).catch(() => undefined);
      }
    }
    return false;
  }

  async #handHeartbeats(cursor: KvBusPosition): Promise<void> {
    const { reader, signal, telemetry } = this.#options;
    for (const [source, { message, behind }] of [...this.#heartbeats]) {
      if (behind > cursor || signal.aborted) continue;
      this.#heartbeats.delete(source);
      try {
        await reader.onMessage(message, cursor);
        this.#count('heartbeat');
      } catch (error) {
        // The next one says the same, and more.
        telemetry.logger.warn('a reader failed on a heartbeat', { error });
      }
    }
  }

  #count(kind: KvMessage['kind']): void {
    let counter = this.#taken.get(kind);
    if (counter === undefined) {
      counter = this.#options.telemetry.metrics.counter(readMessages, { kind });
      this.#taken.set(kind, counter);
    }
    counter.inc();
  }
}
