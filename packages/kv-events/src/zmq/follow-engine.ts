// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random, Timer } from '@llm-d/determinism';
import type { Telemetry } from '@llm-d/telemetry';
import { Subscriber } from 'zeromq';
import { activeSubscribers, bufferedBytes } from '../kv-event-metrics.ts';
import type { KvMessage } from '../kv-message.ts';
import { ByteBudget } from './byte-budget.ts';
import { CatchUp } from './catch-up.ts';
import { EngineCursor } from './engine-cursor.ts';
import { EngineTelemetry } from './engine-telemetry.ts';
import { EngineWorker } from './engine-worker.ts';
import { KvEndpointError } from './kv-endpoint-error.ts';
import { readMessages } from './read-messages.ts';
import { type ReplayLimiter, createReplayLimiter } from './replay-limiter.ts';
import { liveBatch } from './live-batch.ts';

/** What following one engine and following many that come by themselves have in common. */
export interface FollowOptions {
  /** Subscription: messages whose topic begins so. Default `kv@`; engines without a topic need ''. */
  readonly topicFilter?: string | undefined;
  /**
   * Takes the messages, those of one source in order. The next one waits for its promise; one that it rejects comes again
   * after a while.
   */
  readonly onMessage: (message: KvMessage) => void | Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Ends the following. */
  readonly signal: AbortSignal;
  /** A replay in which nothing comes for so long is asked for again. Default 1500. */
  readonly idleReplayMs?: number | undefined;
  /** A catching up by replays is given up after so long, and what is missing is lost. Default 120,000. */
  readonly replayLimitMs?: number | undefined;
  /**
   * Bytes of live batches that may wait for `onMessage`, and as many of replayed ones. Beyond them live batches are
   * dropped, counted, and asked for again or reported as lost. A single message may not be larger. Default 32 MiB.
   */
  readonly maxBufferedBytes?: number | undefined;
  /** Shared between all that is followed. Default one of its own. */
  readonly replays?: ReplayLimiter | undefined;
}

export interface FollowEngineOptions extends FollowOptions {
  /** Where this rank publishes, such as `tcp://10.0.0.1:5557`; see `rankEndpoint`. */
  readonly endpoint: string;
  /** Where it answers replays. Default: nowhere, and what is missed is lost. */
  readonly replayEndpoint?: string | undefined;
  /** Whose blocks these are, whatever the topics say. */
  readonly pod: string;
  readonly dpRank: number;
  /** Default: what the topics say; nothing is passed on before one has. */
  readonly model?: string | undefined;
  /**
   * The life of the pod, such as its UID and restart count: always right, and enough by itself. Restarts that only show
   * in the numbers or in replays add `/1`, `/2`, … to it.
   */
  readonly epoch: string | (() => string);
  /**
   * Where an earlier following ended, in the same epoch. Default: at the beginning. With the payload of that batch a
   * restart since then is known for sure; without it only an engine that has fallen behind shows one.
   */
  readonly after?:
    | {
        readonly inferred: number;
        readonly sequence: number;
        readonly payload?: Uint8Array | undefined;
      }
    | undefined;
  /** Time between heartbeats while nothing comes, give or take a tenth. Default 5000. */
  readonly heartbeatMs?: number | undefined;
}

const DEFAULTS = {
  topicFilter: 'kv@',
  idleReplayMs: 1500,
  replayLimitMs: 120_000,
  maxBufferedBytes: 32 * 2 ** 20,
};

/** Sockets that tell when the other side is no longer there, and come back on their own. */
const LIVELY = {
  ...{ linger: 0, reconnectInterval: 100, reconnectMaxInterval: 5000 },
  ...{ heartbeatInterval: 5000, heartbeatTimeout: 15_000 },
};

/**
 * Follows one rank of one engine until the signal fires, across lost connections and restarts, and gives what it
 * publishes without a gap that is not reported. Fulfilled when the last `onMessage` has ended. Rejects with
 * {@link KvEndpointError} for an address that cannot be used.
 */
export async function followEngine(options: FollowEngineOptions): Promise<void> {
  if (options.signal.aborted) return;
  await new FollowedEngine(options).run();
}

class FollowedEngine {
  readonly #options: FollowEngineOptions;
  readonly #subscriber: Subscriber;
  readonly #telemetry: EngineTelemetry;
  readonly #worker: EngineWorker;
  readonly #ending = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #heartbeat: Timer | undefined;

  constructor(options: FollowEngineOptions) {
    this.#options = options;
    const { maxBufferedBytes: maxMessageSize = DEFAULTS.maxBufferedBytes } = options;
    this.#subscriber = new Subscriber({ ...LIVELY, receiveHighWaterMark: 0, maxMessageSize });
    this.#telemetry = new EngineTelemetry(options.telemetry, options.pod, options.clock);
    this.#worker = createWorker(options, {
      telemetry: this.#telemetry,
      signal: this.#ending.signal,
      onEnd: (error) => {
        this.#failure ??= { error };
        this.#ending.abort(error);
      },
    });
  }

  async run(): Promise<void> {
    const { telemetry, signal } = this.#options;
    const active = telemetry.metrics.gauge(activeSubscribers, {});
    const end = () => {
      this.#ending.abort(signal.reason);
    };
    signal.addEventListener('abort', end, { once: true });
    active.add(1);
    try {
      this.#connect();
      await this.#untilEnd();
    } finally {
      signal.removeEventListener('abort', end);
      this.#ending.abort();
      this.#heartbeat?.cancel();
      this.#subscriber.close();
      this.#worker.end();
      await this.#worker.idle;
      this.#telemetry.forget();
      active.add(-1);
    }
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure.error;
  }

  #connect(): void {
    const { endpoint, topicFilter = DEFAULTS.topicFilter, clock } = this.#options;
    void this.#watch();
    try {
      this.#subscriber.subscribe(topicFilter);
      this.#subscriber.connect(endpoint);
    } catch (error) {
      throw new KvEndpointError(endpoint, 'cannot be connected to', { cause: error });
    }
    // Within a process there is no connection that could be lost, and none that is reported.
    if (endpoint.startsWith('inproc://')) this.#worker.connected(clock.epochMs());
    this.#scheduleHeartbeat();
  }

  async #untilEnd(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ending.signal.addEventListener('abort', () => {
        this.#subscriber.close();
        resolve();
      });
    });
    const reading = this.#read();
    await Promise.race([ended, reading]);
    await reading;
  }

  async #read(): Promise<void> {
    const { clock } = this.#options;
    await readMessages(this.#subscriber, (frames) => {
      const batch = liveBatch(frames, clock);
      if (batch === undefined) this.#telemetry.error('recv', 'a message is no batch of KV events');
      else {
        this.#telemetry.received.inc();
        this.#worker.batch(batch);
      }
    });
  }

  async #watch(): Promise<void> {
    for await (const event of this.#subscriber.events) {
      if (event.type === 'handshake') this.#worker.connected(this.#options.clock.epochMs());
      else if (event.type === 'disconnect') this.#worker.disconnected();
      else if (event.type === 'connect:retry') this.#telemetry.reconnections.inc();
    }
  }

  #scheduleHeartbeat(): void {
    const { clock, random, heartbeatMs = 5000 } = this.#options;
    this.#heartbeat = clock.schedule(heartbeatMs * (0.9 + 0.2 * random.next()), () => {
      this.#worker.check();
      this.#scheduleHeartbeat();
    });
  }
}

/** The worker of one rank, with what it needs. */
export function createWorker(
  options: Omit<FollowEngineOptions, 'endpoint'>,
  from: {
    readonly telemetry: EngineTelemetry;
    readonly signal: AbortSignal;
    readonly onEnd: (error: unknown) => void;
    /** Default one of its own. */
    readonly budget?: ByteBudget;
  },
): EngineWorker {
  const { pod, dpRank, model, onMessage, clock, random, replayEndpoint } = options;
  const { maxBufferedBytes = DEFAULTS.maxBufferedBytes } = options;
  const { telemetry, signal, onEnd } = from;
  const epoch = typeof options.epoch === 'string' ? () => options.epoch as string : options.epoch;
  const { inferred = 0, sequence = -1, payload: lastPayload } = options.after ?? {};
  const position = { given: epoch(), inferred, sequence };
  const cursor = new EngineCursor({
    ...{ pod, dpRank, model, position, lastPayload, onMessage, clock, random, telemetry, signal },
  });
  const gauge = options.telemetry.metrics.gauge(bufferedBytes, {});
  const catchUp =
    replayEndpoint === undefined
      ? undefined
      : new CatchUp({
          ...{ endpoint: replayEndpoint, cursor, clock, random, telemetry, signal },
          limiter: options.replays ?? createReplayLimiter(),
          budget: new ByteBudget(maxBufferedBytes, gauge),
          maxMessageBytes: maxBufferedBytes,
          idleMs: options.idleReplayMs ?? DEFAULTS.idleReplayMs,
          limitMs: options.replayLimitMs ?? DEFAULTS.replayLimitMs,
        });
  const budget = from.budget ?? new ByteBudget(maxBufferedBytes, gauge);
  return new EngineWorker({ cursor, catchUp, epoch, budget, telemetry, onEnd });
}
