// SPDX-License-Identifier: Apache-2.0
import { sleep, type Clock, type Random } from '@llm-d/determinism';
import {
  KvBusError,
  type KvBatchMessage,
  type KvLossMessage,
  type KvMessage,
} from '@llm-d/kv-events';
import type { NatsKvBus } from '@llm-d/kv-events/nats';
import { followEngine, type ReplayLimiter } from '@llm-d/kv-events/zmq';
import type { Histogram, Telemetry } from '@llm-d/telemetry';
import type { Engine, EngineRank } from '../engines/engine.ts';
import { lostBatches, refusedBatches, relayedSources, relayLag } from './relay-metrics.ts';
import { resumeFrom, type Resumption } from './resume.ts';
import { RankRecord, type SourceReport } from './source-report.ts';
import { tallyCounters, type TallyingMetrics } from './tallying-metrics.ts';

/** What all ranks share. */
export interface RelayParts {
  readonly bus: Pick<NatsKvBus, 'publish' | 'latestOf' | 'latestGoneOf'>;
  readonly topicFilter: string;
  /** Default what topics say. */
  readonly model: string | undefined;
  readonly replays: ReplayLimiter;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Ends what is being published when the time to do so is up. */
  readonly publishSignal: AbortSignal;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Follows one rank of an engine and publishes what it says, each message before the next is taken. */
export class RelayedRank {
  readonly #parts: RelayParts;
  readonly #rank: EngineRank;
  readonly #engine: () => Engine;
  readonly #record: RankRecord;
  readonly #metrics: TallyingMetrics;
  readonly #lag: Histogram;

  /** `engine` is asked whenever its present life matters. */
  constructor(rank: EngineRank, engine: () => Engine, parts: RelayParts) {
    this.#parts = parts;
    this.#rank = rank;
    this.#engine = engine;
    this.#record = new RankRecord(parts.clock);
    this.#metrics = tallyCounters(parts.telemetry.metrics);
    this.#lag = parts.telemetry.metrics.histogram(relayLag, {});
  }

  report(): SourceReport {
    const { pod, name } = this.#engine();
    return { pod, name, ...this.#rank, ...this.#record.report(this.#metrics) };
  }

  /** Fulfilled when the signal has fired and the message in hand is published. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, telemetry } = this.#parts;
    const sources = telemetry.metrics.gauge(relayedSources, {});
    sources.add(1);
    for (
      let pauseMs = FIRST_PAUSE_MS;
      !signal.aborted;
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)
    ) {
      try {
        await this.#follow(signal);
      } catch (error) {
        if (this.#hasEnded(signal)) break;
        this.#record.failed(error);
        const { pod } = this.#engine();
        telemetry.logger.warn('an engine cannot be followed; it is tried again', { pod, error });
      }
      await sleep(clock, pauseMs, signal).catch(() => undefined);
    }
    sources.add(-1);
  }

  #hasEnded(signal: AbortSignal): boolean {
    return signal.aborted;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { bus, topicFilter, model, replays, clock, random, telemetry } = this.#parts;
    const { pod, epoch } = this.#engine();
    const { dpRank, endpoint, replayEndpoint } = this.#rank;
    const resumption = await resumeFrom(bus, { pod, dpRank, epoch });
    this.#record.begun(resumption);
    await followEngine({
      ...{ endpoint, replayEndpoint, pod, dpRank, model, topicFilter, replays },
      epoch: () => this.#lifeGiven(epoch, resumption),
      after: resumption.after,
      onMessage: (message) => this.#publish(message),
      ...{ clock, random, signal },
      telemetry: { ...telemetry, metrics: this.#metrics },
    });
  }

  /** The life that is known from the bus, until the engine has begun another one. */
  #lifeGiven(before: string, { given }: Resumption): string {
    const { epoch } = this.#engine();
    return epoch === before ? given : epoch;
  }

  async #publish(message: KvMessage): Promise<void> {
    const { bus, clock, publishSignal } = this.#parts;
    this.#record.begins(message);
    try {
      await bus.publish(message, publishSignal);
    } catch (error) {
      if (message.kind !== 'batch' || !isRefusal(error)) throw error;
      await this.#publishRefusal(message, error);
      return;
    } finally {
      this.#record.ends();
    }
    this.#record.published(message);
    if (message.kind === 'batch') {
      this.#lag.observe(Math.max(0, clock.epochMs() - message.receivedMs) / 1000);
    } else if (message.kind === 'loss') this.#lost(message);
  }

  /** Readers must learn that something is missing where a batch should be. */
  async #publishRefusal({ source, sequence }: KvBatchMessage, error: unknown): Promise<void> {
    const { bus, clock, telemetry, publishSignal } = this.#parts;
    telemetry.logger.error('the bus does not take a batch', { ...source, sequence, error });
    telemetry.metrics.counter(refusedBatches, {}).inc();
    const loss: KvLossMessage = {
      ...{ kind: 'loss', source, fromSequence: sequence, untilSequence: sequence },
      receivedMs: clock.epochMs(),
    };
    await bus.publish(loss, publishSignal);
    this.#record.published(loss);
    this.#lost(loss);
  }

  #lost({ fromSequence, untilSequence }: KvLossMessage): void {
    const { telemetry } = this.#parts;
    telemetry.metrics.counter(lostBatches, {}).inc(untilSequence - fromSequence + 1);
  }
}

const isRefusal = (error: unknown): boolean =>
  error instanceof KvBusError && error.code === 'KV_BUS_REFUSED';
