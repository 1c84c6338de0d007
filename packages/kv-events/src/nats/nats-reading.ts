// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock } from '@llm-d/determinism';
import type { Telemetry } from '@llm-d/telemetry';
import {
  AckPolicy,
  DeliverPolicy,
  type ConsumerInfo,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  type StreamInfo,
} from '@nats-io/jetstream';
import { nanos, type Subscription } from '@nats-io/transport-node';
import { Delivery } from '../bus/delivery.ts';
import { KvBusError } from '../bus/kv-bus-error.ts';
import { unreadableMessages } from '../bus/kv-bus-metrics.ts';
import type { KvBusReader, KvBusReadOptions } from '../kv-bus.ts';
import { behindOf, decodeMessage } from './message-codec.ts';
import type { NatsLink } from './nats-link.ts';

export interface NatsReadingOptions {
  readonly link: NatsLink;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly stream: string;
  readonly heartbeatPrefix: string;
  /** Messages that are asked for at a time, and so the most that wait for a slow reader in memory. */
  readonly readAheadMessages: number;
  /** The server's sign of life while there is nothing to read; twice as long without one ends a session. */
  readonly idleHeartbeatMs: number;
  /** Makes the stream where it is missing, and says what it has. */
  readonly ensureStream: () => Promise<StreamInfo>;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** How long one demand for messages stands. */
const DEMAND_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
/** A consumer whose reader is gone, or busy for so long, may go; another one is made from the reader's place. */
const FORGOTTEN_AFTER_MS = 5 * 60_000;

/** The server does not go on where it was; a new consumer does. */
class SessionBrokenError extends Error {
  readonly code = 'NATS_SESSION_BROKEN';
  constructor(problem: string) {
    super(problem);
    this.name = 'SessionBrokenError';
  }
}

/**
 * Reads until the signal fires. The place reached is known here and nowhere else: each session makes a consumer of its
 * own behind it, and whatever looks odd ends the session. So there is one way to begin, after a restart of the server as
 * after a lost connection, a lost consumer or a message that the network swallowed.
 */
export async function readStream(
  reader: KvBusReader,
  { after, signal }: KvBusReadOptions,
  options: NatsReadingOptions,
): Promise<void> {
  const { link, clock, telemetry } = options;
  const delivery = new Delivery({ reader, after, clock, telemetry, signal });
  const heartbeats = subscribeHeartbeats(delivery, options);
  try {
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs *= 2) {
      await untilConnected(link, signal);
      // By the client itself, which never comes back from that.
      if (link.isClosed && !hasFired(signal)) {
        throw new KvBusError('KV_BUS_CLOSED', 'the connection to NATS was closed for good');
      }
      const before = delivery.cursor;
      await new Session(delivery, options, AbortSignal.any([signal, link.life])).run();
      if (delivery.cursor !== before) pauseMs = FIRST_PAUSE_MS;
      delivery.caughtUp(false);
      await sleep(clock, Math.min(pauseMs, LONGEST_PAUSE_MS), signal).catch(() => undefined);
    }
  } finally {
    heartbeats.unsubscribe();
    await delivery.idle();
  }
}

const hasFired = (signal: AbortSignal): boolean => signal.aborted;

async function untilConnected(link: NatsLink, signal: AbortSignal): Promise<void> {
  if (link.isConnected || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    void link.connected().then(done);
  });
}

/** They travel beside the stream, to whoever listens. */
const subscribeHeartbeats = (
  delivery: Delivery,
  { link, heartbeatPrefix, telemetry }: NatsReadingOptions,
): Subscription =>
  link.nc.subscribe(`${heartbeatPrefix}.>`, {
    callback: (error, received) => {
      if (error !== null) {
        telemetry.logger.warn('heartbeats cannot be heard', { error });
        return;
      }
      const message = decodeMessage(received.headers, received.data);
      const behind = behindOf(received.headers);
      if (message?.kind === 'heartbeat' && Number.isFinite(behind)) {
        delivery.offerHeartbeat(message, behind);
      } else telemetry.metrics.counter(unreadableMessages, {}).inc();
    },
  });

/** Reading with one consumer, until something is wrong with it. */
class Session {
  readonly #delivery: Delivery;
  readonly #options: NatsReadingOptions;
  readonly #signal: AbortSignal;
  /** Deliveries of the consumer, which counts them from 1. */
  #delivered = 0;

  constructor(delivery: Delivery, options: NatsReadingOptions, signal: AbortSignal) {
    this.#delivery = delivery;
    this.#options = options;
    this.#signal = signal;
  }

  /** Fulfilled when it is over, however. */
  async run(): Promise<void> {
    const { jsm, stream, telemetry } = this.#options;
    let made: ConsumerInfo | undefined;
    try {
      made = await this.#makeConsumer();
      await this.#read(made);
    } catch (error) {
      if (!this.#signal.aborted) {
        telemetry.logger.warn('reading the stream begins anew', { error, stream });
      }
    }
    // The server forgets it by itself where this does not reach it.
    if (made !== undefined) void jsm.consumers.delete(stream, made.name).catch(() => undefined);
  }

  async #makeConsumer(): Promise<ConsumerInfo> {
    const { link, jsm, stream, ensureStream } = this.#options;
    this.#findPlace(await ensureStream());
    const { cursor } = this.#delivery;
    const answer = jsm.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      ...(cursor === undefined
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: cursor + 1 }),
      inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    return link.whileConnected(answer);
  }

  /** Tells the reader where its place is no longer, or not yet, one of the stream. */
  #findPlace({ state }: StreamInfo): void {
    const { cursor } = this.#delivery;
    const oldest = Math.max(1, state.first_seq);
    if (cursor === undefined || (cursor >= oldest - 1 && cursor <= state.last_seq)) return;
    // A stream that never had a message says nothing of where it begins.
    if (state.first_seq === 0 && cursor === 0) return;
    this.#delivery.truncate(oldest - 1);
  }

  async #read(made: ConsumerInfo): Promise<void> {
    const { js, readAheadMessages, idleHeartbeatMs } = this.#options;
    if (made.num_pending === 0) this.#delivery.pending(0);
    const consumer = js.consumers.getConsumerFromInfo(made);
    while (!this.#isOver()) {
      // One demand at a time bounds what waits for a slow reader; a lasting one asks for more with each sign of life
      // that the server does not give because it has nothing to do.
      const messages = await consumer.fetch({
        max_messages: readAheadMessages,
        expires: DEMAND_MS,
        idle_heartbeat: idleHeartbeatMs,
      });
      const stop = (): void => {
        void messages.close();
      };
      this.#signal.addEventListener('abort', stop);
      if (this.#isOver()) stop();
      try {
        for await (const message of messages) {
          if (this.#isOver()) break;
          await this.#take(message);
        }
      } finally {
        this.#signal.removeEventListener('abort', stop);
        stop();
      }
    }
  }

  #isOver(): boolean {
    return this.#signal.aborted;
  }

  async #take(received: JsMsg): Promise<void> {
    const { info } = received;
    if (info.deliverySequence !== ++this.#delivered) {
      throw new SessionBrokenError(`delivery ${this.#delivered} did not come`);
    }
    const position = info.streamSequence;
    const { cursor } = this.#delivery;
    if (cursor !== undefined && position !== cursor + 1) this.#delivery.truncate(position - 1);
    const message = decodeMessage(received.headers, received.data);
    if (message === undefined) this.#passOver(received.subject, position);
    else await this.#delivery.deliver(message, position);
    this.#delivery.pending(info.pending);
  }

  #passOver(subject: string, position: number): void {
    const { telemetry } = this.#options;
    telemetry.logger.warn('a message on the bus is not one of ours', { subject, position });
    telemetry.metrics.counter(unreadableMessages, {}).inc();
    this.#delivery.skip(position);
  }
}
