// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { systemClock } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import { setImmediate } from 'node:timers/promises';
import type { KvBus, KvBusReader, KvBusReadOptions, KvSnapshotStore } from '../kv-bus.ts';
import type { KvMessage } from '../kv-message.ts';
import { Delivery } from './delivery.ts';
import { KvBusError } from './kv-bus-error.ts';
import { publishedBytes, publishedMessages } from './kv-bus-metrics.ts';
import { createLocalSnapshots } from './local-snapshots.ts';
import type { KeptMessage } from './message-id.ts';
import { MessageRing } from './message-ring.ts';

export interface LocalKvBusOptions {
  /** Memory for messages; beyond it the oldest leave. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** How long a message is kept, in milliseconds. Default 10 minutes. */
  readonly maxAgeMs?: number | undefined;
  /** Default the system's. */
  readonly clock?: Clock | undefined;
  /** Default none. */
  readonly telemetry?: Telemetry | undefined;
}

/** Messages handed over in one turn of the event loop before others get theirs. */
const MESSAGES_PER_TURN = 256;

/**
 * A bus within one process. `publish` never waits: a reader that falls behind by more than the bus keeps is told what it
 * missed. Snapshots live as long as the process.
 */
export function createLocalKvBus(options: LocalKvBusOptions = {}): KvBus {
  return new LocalKvBus(options);
}

class LocalKvBus implements KvBus {
  readonly snapshots: KvSnapshotStore;
  readonly #clock: Clock;
  readonly #telemetry: Telemetry;
  readonly #ring: MessageRing;
  readonly #closed = new AbortController();
  readonly #readers = new Map<Delivery, () => void>();
  readonly #reads = new Set<Promise<void>>();

  constructor(options: LocalKvBusOptions) {
    const { maxBytes = 64 * 2 ** 20, maxAgeMs = 600_000 } = options;
    this.#clock = options.clock ?? systemClock;
    this.#telemetry = options.telemetry ?? noopTelemetry;
    this.#ring = new MessageRing({ maxBytes, maxAgeMs, clock: this.#clock });
    this.snapshots = createLocalSnapshots(this.#telemetry.logger);
  }

  publish(message: KvMessage, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      signal.throwIfAborted();
      if (this.#closed.signal.aborted) {
        throw new KvBusError('KV_BUS_CLOSED', 'the bus is closed');
      }
      if (message.kind === 'heartbeat') {
        for (const delivery of this.#readers.keys()) {
          delivery.offerHeartbeat(message, this.#ring.latest);
        }
      } else this.#keep(message);
      resolve();
    });
  }

  read(reader: KvBusReader, { after, signal }: KvBusReadOptions): Promise<void> {
    const reading = this.#read(reader, after, AbortSignal.any([signal, this.#closed.signal]));
    this.#reads.add(reading);
    return reading.finally(() => this.#reads.delete(reading));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    await Promise.all(this.#reads);
  }

  async #read(reader: KvBusReader, after: number | undefined, signal: AbortSignal): Promise<void> {
    const delivery = new Delivery({
      reader,
      after,
      clock: this.#clock,
      telemetry: this.#telemetry,
      signal,
    });
    let wake = (): void => undefined;
    this.#readers.set(delivery, () => {
      wake();
    });
    const end = () => {
      wake();
    };
    signal.addEventListener('abort', end);
    try {
      for (let handed = 1; !signal.aborted; handed++) {
        const position = this.#nextFor(delivery);
        const message = this.#ring.at(position);
        if (message !== undefined) {
          await delivery.deliver(message, position);
          delivery.pending(this.#ring.latest - position);
          if (handed % MESSAGES_PER_TURN === 0) await setImmediate();
          continue;
        }
        delivery.pending(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
          // Telling the reader may have published something, or ended the reading.
          if (signal.aborted || this.#ring.latest >= position) resolve();
        });
      }
    } finally {
      signal.removeEventListener('abort', end);
      this.#readers.delete(delivery);
      await delivery.idle();
    }
  }

  #keep(message: KeptMessage): void {
    const outcome = this.#ring.add(message);
    if (outcome === 'too-large') {
      throw new KvBusError('KV_BUS_REFUSED', 'the message is larger than the whole bus may be');
    }
    if (outcome === 'known') return;
    this.#countPublished(message);
    for (const wake of this.#readers.values()) wake();
  }

  /** The place that a reader needs next, after it was told of those that are gone. */
  #nextFor(delivery: Delivery): number {
    const { oldest, latest } = this.#ring;
    const { cursor } = delivery;
    if (cursor === undefined) return oldest;
    if (cursor >= oldest - 1 && cursor <= latest) return cursor + 1;
    delivery.caughtUp(false);
    delivery.truncate(oldest - 1);
    return oldest;
  }

  #countPublished(message: KvMessage): void {
    const { metrics } = this.#telemetry;
    metrics.counter(publishedMessages, { kind: message.kind }).inc();
    if (message.kind === 'batch') {
      metrics.counter(publishedBytes, {}).inc(message.payload.byteLength);
    }
  }
}
