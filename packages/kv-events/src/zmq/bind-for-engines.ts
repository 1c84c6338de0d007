// SPDX-License-Identifier: Apache-2.0
import { Subscriber } from 'zeromq';
import { activeSubscribers, bufferedBytes, refusedSourcesTotal } from '../kv-event-metrics.ts';
import { type LogLimiter, createLogLimiter } from '../log-limiter.ts';
import { ByteBudget } from './byte-budget.ts';
import { EngineTelemetry } from './engine-telemetry.ts';
import type { EngineWorker } from './engine-worker.ts';
import { parseEventTopic } from './event-topic.ts';
import { type FollowOptions, createWorker } from './follow-engine.ts';
import { KvEndpointError } from './kv-endpoint-error.ts';
import { liveBatch } from './live-batch.ts';
import { rankEndpoint } from './rank-endpoint.ts';
import { readMessages } from './read-messages.ts';

export interface BindForEnginesOptions extends FollowOptions {
  /** Where rank 0 of every engine connects to, such as `tcp://*:5557`; rank r has the port r further on. */
  readonly endpoint: string;
  /** Data-parallel ranks that engines may have, each with a port here. Default 1. */
  readonly ranks?: number | undefined;
  /** Model of all engines. Default: what the topics say. */
  readonly model?: string | undefined;
  /** The life of a pod, as in `followEngine`. Asked for every batch. Default: what the numbers tell. */
  readonly epochOf?: ((pod: string) => string) | undefined;
  /** Where a rank of a pod answers replays. Default: nowhere, and what is missed is lost. */
  readonly replayEndpointOf?: ((pod: string, dpRank: number) => string | undefined) | undefined;
  /** Pods that are known are listened to, others counted and passed over. Default: all are. */
  readonly accepts?: ((pod: string) => boolean) | undefined;
  /** Most engines' ranks at once; more are counted and passed over. Default 10,000. */
  readonly maxEngines?: number | undefined;
}

/** Sockets to which engines connect. */
export interface BoundForEngines {
  /** Where they are bound, by rank, with the ports that were found. */
  readonly endpoints: readonly string[];
  /** Fulfilled after the signal has fired and the last `onMessage` has ended. */
  readonly done: Promise<void>;
  /** Forgets a pod that is gone. What it publishes later is that of a pod never heard of. */
  forget(pod: string): void;
}

/**
 * Listens for engines that connect by themselves and name their pod in the topic. Nobody checks that they are who they
 * say; `accepts` at least keeps out names that do not exist. Rejects with {@link KvEndpointError} for an address that
 * cannot be used. There are no heartbeats: nothing tells which engine a connection belongs to.
 */
export async function bindForEngines(options: BindForEnginesOptions): Promise<BoundForEngines> {
  options.signal.throwIfAborted();
  const bound = new EngineListener(options);
  await bound.bind();
  return bound;
}

interface Engine {
  readonly worker: EngineWorker;
  readonly telemetry: EngineTelemetry;
}

class EngineListener implements BoundForEngines {
  readonly endpoints: string[] = [];
  done: Promise<void> = Promise.resolve();
  readonly #options: BindForEnginesOptions;
  readonly #subscribers: Subscriber[] = [];
  /** By pod, then rank. */
  readonly #engines = new Map<string, Map<number, Engine>>();
  readonly #ending = new AbortController();
  readonly #budget: ByteBudget;
  readonly #maxMessageBytes: number;
  readonly #refusedLog: LogLimiter;
  /** By topic: the same few come again and again. */
  readonly #podOf = new Map<string, string>();
  #engineCount = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: BindForEnginesOptions) {
    this.#options = options;
    this.#maxMessageBytes = options.maxBufferedBytes ?? 32 * 2 ** 20;
    const gauge = options.telemetry.metrics.gauge(bufferedBytes, {});
    this.#budget = new ByteBudget(this.#maxMessageBytes, gauge);
    this.#refusedLog = createLogLimiter(options.clock);
  }

  async bind(): Promise<void> {
    const { ranks = 1, signal, telemetry } = this.#options;
    const active = telemetry.metrics.gauge(activeSubscribers, {});
    try {
      for (let rank = 0; rank < ranks; rank++) await this.#bindRank(rank);
    } catch (error) {
      for (const subscriber of this.#subscribers) subscriber.close();
      throw error;
    }
    signal.addEventListener(
      'abort',
      () => {
        this.#end(signal.reason);
      },
      { once: true },
    );
    if (signal.aborted) this.#end(signal.reason);
    active.add(ranks);
    this.done = this.#run().finally(() => {
      active.add(-ranks);
    });
    // Whoever awaits `done` learns of it; nobody has to.
    this.done.catch(() => undefined);
  }

  forget(pod: string): void {
    for (const { worker, telemetry } of this.#engines.get(pod)?.values() ?? []) {
      worker.end();
      telemetry.forget();
      this.#engineCount--;
    }
    this.#engines.delete(pod);
  }

  async #bindRank(rank: number): Promise<void> {
    const { topicFilter = 'kv@' } = this.#options;
    const endpoint = rankEndpoint(this.endpoints[0] ?? this.#options.endpoint, rank);
    const subscriber = new Subscriber({
      ...{ linger: 0, receiveHighWaterMark: 0, maxMessageSize: this.#maxMessageBytes },
      ...{ heartbeatInterval: 5000, heartbeatTimeout: 15_000 },
    });
    this.#subscribers.push(subscriber);
    subscriber.subscribe(topicFilter);
    try {
      await subscriber.bind(endpoint);
    } catch (error) {
      throw new KvEndpointError(endpoint, 'cannot be bound', { cause: error });
    }
    this.endpoints.push(subscriber.lastEndpoint ?? endpoint);
  }

  async #run(): Promise<void> {
    await Promise.all(this.#subscribers.map((subscriber, rank) => this.#read(subscriber, rank)));
    const workers = [...this.#engines.values()].flatMap((ranks) => [...ranks.values()]);
    for (const pod of [...this.#engines.keys()]) this.forget(pod);
    await Promise.all(workers.map(({ worker }) => worker.idle));
    if (this.#failure !== undefined && !this.#options.signal.aborted) throw this.#failure.error;
  }

  async #read(subscriber: Subscriber, rank: number): Promise<void> {
    await readMessages(subscriber, (frames) => {
      const batch = liveBatch(frames, this.#options.clock);
      if (batch?.topic === undefined) return;
      const engine = this.#engine(this.#pod(batch.topic.toString()), rank);
      engine?.telemetry.received.inc();
      engine?.worker.batch(batch);
    });
  }

  #pod(topic: string): string {
    const known = this.#podOf.get(topic);
    if (known !== undefined) return known;
    const { pod } = parseEventTopic(topic);
    if (this.#podOf.size >= 20_000) this.#podOf.clear();
    this.#podOf.set(topic, pod);
    return pod;
  }

  #engine(pod: string, rank: number): Engine | undefined {
    const known = this.#engines.get(pod)?.get(rank);
    if (known !== undefined) return known;
    const { accepts, maxEngines = 10_000, telemetry, clock } = this.#options;
    if (this.#engineCount >= maxEngines || accepts?.(pod) === false) {
      telemetry.metrics.counter(refusedSourcesTotal, {}).inc();
      this.#refusedLog.write((keptBack) => {
        telemetry.logger.warn('KV events of a pod are not listened to', { pod, rank, keptBack });
      });
      return undefined;
    }
    const engine = this.#listenTo(pod, rank);
    const ranks = this.#engines.get(pod);
    if (ranks === undefined) this.#engines.set(pod, new Map([[rank, engine]]));
    else ranks.set(rank, engine);
    this.#engineCount++;
    if (this.#options.replayEndpointOf !== undefined) engine.worker.connected(clock.epochMs());
    return engine;
  }

  #listenTo(pod: string, dpRank: number): Engine {
    const { epochOf, replayEndpointOf, telemetry: all, clock } = this.#options;
    const telemetry = new EngineTelemetry(all, pod, clock);
    const worker = createWorker(
      {
        ...this.#options,
        ...{ pod, dpRank },
        epoch: () => epochOf?.(pod) ?? '',
        replayEndpoint: replayEndpointOf?.(pod, dpRank),
      },
      {
        telemetry,
        signal: this.#ending.signal,
        budget: this.#budget,
        onEnd: (error) => {
          this.#failure ??= { error };
          this.#end(error);
        },
      },
    );
    return { worker, telemetry };
  }

  #end(reason: unknown): void {
    this.#ending.abort(reason);
    for (const subscriber of this.#subscribers) subscriber.close();
  }
}
