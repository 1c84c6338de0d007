// SPDX-License-Identifier: Apache-2.0
import { partitionOf } from '@llm-d/kv-events/nats';
import type { Engine } from '../engines/engine.ts';
import { RelayedRank, type RelayParts } from './relayed-rank.ts';
import type { SourceReport } from './source-report.ts';

/** Which of several relays this one is, from 0. They share the pods by the partition of their names. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Relays the events of a changing set of engines. */
export interface Relay {
  /** Makes the engines equal to these. */
  reconcile(engines: readonly Engine[]): void;
  /** Of every rank, by pod and rank. */
  sources(): readonly SourceReport[];
  /** Ends the following; fulfilled when the messages in hand are published, or their signal has fired. */
  close(): Promise<void>;
}

export function createRelay(parts: RelayParts, shard: Shard): Relay {
  return new EngineRelay(parts, shard);
}

interface RelayedPod {
  engine: Engine;
  readonly ranks: readonly RelayedRank[];
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

class EngineRelay implements Relay {
  readonly #parts: RelayParts;
  readonly #shard: Shard;
  readonly #pods = new Map<string, RelayedPod>();
  /** What has to be done before a pod is followed again. */
  readonly #endings = new Map<string, Promise<void>>();
  #isClosed = false;

  constructor(parts: RelayParts, shard: Shard) {
    this.#parts = parts;
    this.#shard = shard;
  }

  reconcile(engines: readonly Engine[]): void {
    if (this.#isClosed) return;
    const { index, count } = this.#shard;
    const ours = engines.filter(({ pod }) => partitionOf(pod) % count === index);
    const wanted = new Map(ours.map((engine) => [engine.pod, engine]));
    for (const pod of [...this.#pods.keys()]) {
      if (!wanted.has(pod)) this.#end(pod, { isGone: true });
    }
    for (const engine of wanted.values()) this.#keep(engine);
  }

  sources(): readonly SourceReport[] {
    const reports = [...this.#pods.values()].flatMap(({ ranks }) => ranks.map((r) => r.report()));
    return reports.sort((a, b) => (a.pod === b.pod ? a.dpRank - b.dpRank : a.pod < b.pod ? -1 : 1));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pod of [...this.#pods.keys()]) this.#end(pod, { isGone: false });
    await Promise.all(this.#endings.values());
  }

  #keep(engine: Engine): void {
    const present = this.#pods.get(engine.pod);
    if (present === undefined) {
      this.#begin(engine);
      return;
    }
    const isOther = present.engine.identity !== engine.identity;
    if (isOther || JSON.stringify(present.engine.ranks) !== JSON.stringify(engine.ranks)) {
      this.#end(engine.pod, { isGone: isOther });
      this.#begin(engine);
    } else present.engine = engine;
  }

  #begin(engine: Engine): void {
    const { logger } = this.#parts.telemetry;
    const stop = new AbortController();
    const before = this.#endings.get(engine.pod) ?? Promise.resolve();
    const ranks = engine.ranks.map(
      (rank) => new RelayedRank(rank, () => relayed.engine, this.#parts),
    );
    const relayed: RelayedPod = {
      ...{ engine, ranks, stop },
      ended: before.then(() => Promise.all(ranks.map((rank) => rank.run(stop.signal)))),
    };
    this.#pods.set(engine.pod, relayed);
    logger.info('relaying the KV events of an engine', { pod: engine.pod, engine: engine.name });
  }

  #end(pod: string, { isGone }: { readonly isGone: boolean }): void {
    const relayed = this.#pods.get(pod);
    if (relayed === undefined) return;
    this.#pods.delete(pod);
    relayed.stop.abort();
    const ending = relayed.ended
      .then(() => (isGone ? this.#publishGone(pod) : undefined))
      .finally(() => {
        if (this.#endings.get(pod) === ending) this.#endings.delete(pod);
      });
    this.#endings.set(pod, ending);
  }

  async #publishGone(pod: string): Promise<void> {
    const { bus, clock, telemetry, publishSignal } = this.#parts;
    try {
      await bus.publish({ kind: 'gone', pod, receivedMs: clock.epochMs() }, publishSignal);
      telemetry.logger.info('an engine is gone', { pod });
    } catch (error) {
      telemetry.logger.error('nobody could be told that an engine is gone', { pod, error });
    }
  }
}
