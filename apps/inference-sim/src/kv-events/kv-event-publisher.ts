// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock, type Random } from '@llm-d/determinism';
import { createKvEventEncoder, type KvEvent, type KvEventEncoder } from '@llm-d/engine-sim';
import type { Logger } from '@llm-d/telemetry';
import { offsetEndpoint, isBound } from './endpoint.ts';
import { EventSockets, type EventEndpoints } from './event-sockets.ts';
import { sequenceFrame } from './frames.ts';
import type { KvEventsOptions } from './kv-events-options.ts';
import { ReplayBuffer } from './replay-buffer.ts';

export interface KvEventPublisherOptions {
  readonly events: KvEventsOptions;
  /** Number of the engine among those of this process, and of its rank among those of its pod. */
  readonly engine: number;
  readonly rank: number;
  readonly clock: Clock;
  /** Draws faults. */
  readonly random: Random;
  readonly logger: Logger;
}

/** Where a publisher's events can be heard. */
export interface KvEventAddress {
  readonly topic: string;
  readonly dataParallelRank: number;
  /** Bound ones with the real port. */
  readonly endpoint: string;
  readonly replayEndpoint: string | undefined;
}

/** Counts of the present life, except for `lives`. */
export interface KvEventCounts {
  readonly lives: number;
  /** Batches made; the next one has this number. */
  readonly batches: number;
  readonly dropped: number;
  readonly truncated: number;
}

/** When a publisher ends, its queue has this long to empty; vLLM's limit. */
const DRAIN_MS = 1000;

/** What one life has: numbers from 0, and what was sent under them. */
class Life {
  readonly replay: ReplayBuffer | undefined;
  /** Messages for the socket; those before `sent` have gone. */
  readonly queue: Buffer[][] = [];
  sent = 0;
  batches = 0;
  dropped = 0;
  truncated = 0;

  constructor(bufferSteps: number | undefined) {
    this.replay = bufferSteps === undefined ? undefined : new ReplayBuffer(bufferSteps);
  }
}

/**
 * Publishes one engine's KV events as vLLM does: `[topic, number, batch]` on a PUB socket, and again on request. Events
 * from before {@link open} wait for it. A restart is a new life: numbers begin at 0 and nothing can be replayed.
 */
export class KvEventPublisher {
  readonly #options: KvEventPublisherOptions;
  readonly #encoder: KvEventEncoder;
  #topic = '';
  #life: Life;
  #lives = 0;
  #endpoints: EventEndpoints | undefined;
  #sockets: EventSockets | undefined;
  /** The life for which the sockets were opened. */
  #openFor: Life | undefined;
  #sending: Promise<void> | undefined;
  /** Opening and closing, one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: KvEventPublisherOptions) {
    this.#options = options;
    this.#encoder = createKvEventEncoder(options.events.encoding);
    this.#life = this.#beginLife();
  }

  /** Opens the sockets. @throws `KvEventEndpointError` */
  async open(topic: string): Promise<void> {
    this.#topic = topic;
    await this.#inTurn(() => this.#openSockets());
  }

  get address(): KvEventAddress | undefined {
    const sockets = this.#sockets;
    if (sockets === undefined) return undefined;
    const { endpoint, replayEndpoint } = sockets;
    return { topic: this.#topic, dataParallelRank: this.#options.rank, endpoint, replayEndpoint };
  }

  counts(): KvEventCounts {
    const { batches, dropped, truncated } = this.#life;
    return { lives: this.#lives, batches, dropped, truncated };
  }

  publish(events: readonly KvEvent[]): void {
    const { maxEventsPerBatch } = this.#options.events;
    for (let at = 0; at < events.length; at += maxEventsPerBatch) {
      this.#publishBatch(events.slice(at, at + maxEventsPerBatch));
    }
    this.#send();
  }

  /** Ends this life at once and begins another on the same endpoints. @throws `KvEventEndpointError` */
  async restart(): Promise<void> {
    this.#life = this.#beginLife();
    await this.#inTurn(async () => {
      await this.#closeSockets();
      await this.#openSockets();
    });
  }

  /** Sends what waits, for up to a second, and closes the sockets. */
  async close(): Promise<void> {
    const patience = new AbortController();
    const timeout = sleep(this.#options.clock, DRAIN_MS, patience.signal).catch(() => undefined);
    await Promise.race([this.#sending, timeout]);
    patience.abort();
    await this.#inTurn(() => this.#closeSockets());
  }

  #beginLife(): Life {
    const { replayEndpoint, bufferSteps, encoding } = this.#options.events;
    this.#lives++;
    this.#life = new Life(replayEndpoint === undefined ? undefined : bufferSteps);
    // SGLang tells that it begins with nothing.
    if (encoding.dialect === 'sglang') this.#publishBatch([{ kind: 'cleared' }]);
    return this.#life;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #openSockets(): Promise<void> {
    const { events, clock, logger } = this.#options;
    const life = this.#life;
    const sockets = await EventSockets.open({
      ...{ events, clock, logger },
      ...(this.#endpoints ?? this.#configuredEndpoints()),
      topic: () => this.#topic,
      replay: (from) => life.replay?.from(from) ?? [],
    });
    // Another life keeps the ports that the system has chosen for the first.
    const { endpoint, replayEndpoint } = sockets;
    this.#endpoints = { endpoint, replayEndpoint };
    this.#sockets = sockets;
    this.#openFor = life;
    this.#send();
  }

  #configuredEndpoints(): EventEndpoints {
    const { events, engine, rank } = this.#options;
    const { endpoint, replayEndpoint } = events;
    return {
      // Those who dial one consumer share its port, except for ranks, as in vLLM.
      endpoint: offsetEndpoint(endpoint, isBound(endpoint) ? engine : rank),
      replayEndpoint: replayEndpoint && offsetEndpoint(replayEndpoint, engine),
    };
  }

  async #closeSockets(): Promise<void> {
    const sockets = this.#sockets;
    this.#sockets = undefined;
    this.#openFor = undefined;
    await sockets?.[Symbol.asyncDispose]();
  }

  #publishBatch(events: readonly KvEvent[]): void {
    const { clock, rank, events: options } = this.#options;
    const life = this.#life;
    const payload = this.#encoder.encode({
      timestampSeconds: clock.epochMs() / 1000,
      events,
      dataParallelRank: rank,
    });
    const sequence = life.batches++;
    life.replay?.add(payload);
    if (
      life.queue.length - life.sent >= options.maxQueueSize ||
      this.#isHit(options.faults.dropPercent)
    ) {
      life.dropped++;
      return;
    }
    const isCut = this.#isHit(options.faults.truncatePercent);
    if (isCut) life.truncated++;
    const sent = isCut ? payload.subarray(0, payload.length >> 1) : payload;
    life.queue.push([sequenceFrame(sequence), sent]);
  }

  #isHit(percent: number): boolean {
    return percent > 0 && this.#options.random.next() * 100 < percent;
  }

  /** Sends what waits, in order; only one such loop runs at a time. */
  #send(): void {
    this.#sending ??= this.#sendAll()
      .catch((error: unknown) => {
        // A socket that is closed meanwhile is none of the failures worth a line.
        if (this.#sockets !== undefined) {
          this.#options.logger.error('KV events are lost', { error });
        }
      })
      .finally(() => {
        this.#sending = undefined;
      });
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      const life = this.#life;
      const sockets = this.#sockets;
      const message = life.queue[life.sent];
      if (sockets === undefined || life !== this.#openFor || message === undefined) return;
      life.sent++;
      if (life.sent === life.queue.length) {
        life.queue.length = 0;
        life.sent = 0;
      }
      await sockets.send([Buffer.from(this.#topic), ...message]);
    }
  }
}
