// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  type Awaitable,
  type KvApplyReport,
  type KvBlockIndex,
  type KvEventBatch,
  type KvEventDecoder,
  type KvEventSource,
  createKvEventDecoder,
} from '@llm-d/kv-index';
import type { Telemetry } from '@llm-d/telemetry';
import { FollowerTelemetry } from './follower-telemetry.ts';
import type { KvBusPosition } from './kv-bus.ts';
import type { KvFollower } from './kv-follower.ts';
import type { KvFreshness, KvSourceFreshness } from './kv-freshness.ts';
import type {
  KvBatchMessage,
  KvGoneMessage,
  KvHeartbeatMessage,
  KvLossMessage,
  KvMessage,
} from './kv-message.ts';
import { judgeSequence } from './sequence-cursor.ts';
import { type FollowedSource, type KvSourceCursor, SourceTable } from './source-table.ts';

export interface KvFollowerOptions {
  /** What is kept up to date. It stays its owner's. */
  readonly index: KvBlockIndex;
  /** Reads the payloads; default a decoder of its own. Nobody else may use it meanwhile. */
  readonly decoder?: KvEventDecoder;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** A source is silent when neither batch nor heartbeat was heard for longer than this. Default 20,000. */
  readonly silentAfterMs?: number;
  /** A loss of more batches than this makes a source's blocks worthless: they are forgotten. Default 1024. */
  readonly keepAfterLossBatches?: number;
  /**
   * Most sources that are followed. One more takes the place of the one that has been silent for longest; where none is
   * silent it is passed over. Default 10,000.
   */
  readonly maxSources?: number;
  /** Where another follower stood when the index was as it is now. Default: at the beginning, with an empty index. */
  readonly cursors?: readonly KvSourceCursor[];
}

/** A follower of one index, with all that a bus tells its readers. */
export interface KvIndexFollower extends KvFollower {
  /** The position is the bus's; there is none where engines are followed directly. */
  onMessage(message: KvMessage, position?: KvBusPosition): void | Promise<void>;
  onTruncated(): void;
  onCaughtUp(isCaughtUp: boolean): void;
  /** How far it is with each source, for whoever keeps a copy of the index. */
  cursors(): readonly KvSourceCursor[];
}

/**
 * Follows messages into an index, one at a time and in the order of the calls. With an index that answers at once
 * `onMessage` is done when it returns. When the index fails `onMessage` fails, and the same message may be given again.
 * What engines announce is not yet caught up with until `onCaughtUp(true)`; without a bus, its user says so.
 */
export function createKvFollower(options: KvFollowerOptions): KvIndexFollower {
  return new IndexFollower(options);
}

const CLEARED: KvEventBatch = {
  timestampSeconds: 0,
  dataParallelRank: null,
  events: [{ type: 'cleared' }],
  hashes: new Uint32Array(0),
  tokens: new Uint32Array(0),
  problems: [],
};

/** Pods that are gone and remembered as such, so that a late message does not bring them back. */
const GONE_PODS = 1000;

class IndexFollower implements KvIndexFollower {
  readonly index: KvBlockIndex;
  readonly #decoder: KvEventDecoder;
  readonly #clock: Clock;
  readonly #telemetry: FollowerTelemetry;
  readonly #keepAfterLoss: number;
  readonly #maxSources: number;
  readonly #table: SourceTable;
  readonly #gone = new Map<string, number>();
  #isCaughtUp = false;
  /** The message at work and those that wait for it. */
  #underWay: Promise<void> | undefined;

  constructor(options: KvFollowerOptions) {
    const { silentAfterMs = 20_000, keepAfterLossBatches = 1024, maxSources = 10_000 } = options;
    this.index = options.index;
    this.#decoder = options.decoder ?? createKvEventDecoder();
    this.#clock = options.clock;
    this.#telemetry = new FollowerTelemetry(options.telemetry, options.clock);
    this.#keepAfterLoss = keepAfterLossBatches;
    this.#maxSources = maxSources;
    this.#table = new SourceTable(silentAfterMs);
    for (const cursor of options.cursors ?? []) this.#table.restore(cursor);
  }

  onMessage(message: KvMessage): void | Promise<void> {
    const done =
      this.#underWay === undefined
        ? this.#take(message)
        : this.#underWay.then(() => this.#take(message));
    if (!(done instanceof Promise)) return undefined;
    const settled = done
      .catch(() => undefined)
      .then(() => {
        if (this.#underWay === settled) this.#underWay = undefined;
      });
    this.#underWay = settled;
    return done;
  }

  onTruncated(): void {
    for (const known of this.#table.all()) {
      known.isUnverified = true;
      this.#table.settle(known);
    }
  }

  onCaughtUp(isCaughtUp: boolean): void {
    this.#isCaughtUp = isCaughtUp;
  }

  freshness(): KvFreshness {
    return this.#table.freshness(this.#clock.epochMs(), this.#isCaughtUp);
  }

  sources(): readonly KvSourceFreshness[] {
    return this.#table.sources(this.#clock.epochMs());
  }

  cursors(): readonly KvSourceCursor[] {
    return this.#table.cursors();
  }

  [Symbol.dispose](): void {
    for (const { source } of this.#table.all()) this.#telemetry.forget(source);
  }

  #take(message: KvMessage): Awaitable<void> {
    if (message.kind === 'gone') return this.#remove(message);
    if (message.receivedMs <= (this.#gone.get(message.source.pod) ?? -Infinity)) {
      this.#telemetry.duplicate();
      return undefined;
    }
    const known = this.#table.find(message.source);
    if (known === undefined) return after(this.#makeRoom(), (room) => this.#meet(message, room));
    return this.#continue(message, known);
  }

  #meet(message: Exclude<KvMessage, KvGoneMessage>, hasRoom: boolean): Awaitable<void> {
    if (!hasRoom) {
      this.#telemetry.refused(message.source);
      return undefined;
    }
    return this.#continue(message, this.#table.add(message.source, message.receivedMs));
  }

  #continue(message: Exclude<KvMessage, KvGoneMessage>, known: FollowedSource): Awaitable<void> {
    const { source, receivedMs } = message;
    if (source.epoch === known.given && source.model === known.source.model) {
      return this.#follow(message, known);
    }
    if (known.pastEpochs.includes(source.epoch) && receivedMs <= known.beganMs) {
      this.#telemetry.duplicate();
      return undefined;
    }
    return after(this.#forget(known, source), () => {
      this.#table.begin(known, source, receivedMs);
      this.#telemetry.resync('epoch', source);
      return this.#follow(message, known);
    });
  }

  /** A message of the life that is followed. */
  #follow(message: Exclude<KvMessage, KvGoneMessage>, known: FollowedSource): Awaitable<void> {
    this.#table.hear(known, message.receivedMs);
    this.#telemetry.heard(known.source, known.heardMs);
    switch (message.kind) {
      case 'batch':
        return this.#batch(message, known);
      case 'loss':
        return this.#loss(message, known);
      case 'heartbeat':
        return this.#heartbeat(message, known);
    }
  }

  #batch(message: KvBatchMessage, known: FollowedSource): Awaitable<void> {
    const { sequence } = message;
    const verdict = judgeSequence(known, { sequence, epoch: message.source.epoch });
    if (verdict.kind === 'gap') {
      this.#telemetry.gap(known.source);
      return after(this.#lose(known, verdict.to), () => this.#apply(message, known));
    }
    if (verdict.kind === 'apply') return this.#apply(message, known);
    this.#telemetry.duplicate();
    return undefined;
  }

  #loss(message: KvLossMessage, known: FollowedSource): Awaitable<void> {
    if (message.untilSequence <= known.sequence) {
      this.#telemetry.duplicate();
      return undefined;
    }
    return this.#lose(known, message.untilSequence);
  }

  #heartbeat({ sequence }: KvHeartbeatMessage, known: FollowedSource): Awaitable<void> {
    if (sequence > known.sequence) {
      this.#telemetry.gap(known.source);
      return this.#lose(known, sequence);
    }
    // One from before the last batch says nothing of what was lost since.
    if (sequence === known.sequence) this.#verify(known);
    return undefined;
  }

  /** Everything up to this number is missing. */
  #lose(known: FollowedSource, until: number): Awaitable<void> {
    const batches = until - known.sequence;
    const isTooMuch = batches > this.#keepAfterLoss && known.hasBlocks;
    return after(isTooMuch ? this.#forget(known, known.source) : undefined, () => {
      if (isTooMuch) {
        known.restarts++;
        this.#telemetry.resync('loss', known.source);
      }
      known.sequence = until;
      known.isUnverified = false;
      this.#table.lose(known, batches);
      this.#telemetry.missed(known.source, batches);
    });
  }

  #apply(message: KvBatchMessage, known: FollowedSource): Awaitable<void> {
    const decoded = this.#decoder.decode(message.payload);
    if (!decoded.ok) {
      known.sequence = message.sequence;
      this.#table.lose(known, 1);
      this.#telemetry.undecodable(message, decoded.error);
      return undefined;
    }
    const { batch } = decoded;
    return after(this.index.apply(batch, message.source), (report) => {
      this.#applied(message, known, { batch, report });
    });
  }

  #applied(
    { sequence, source, receivedMs }: KvBatchMessage,
    known: FollowedSource,
    { batch, report }: { readonly batch: KvEventBatch; readonly report: KvApplyReport },
  ): void {
    known.sequence = sequence;
    known.hasBlocks = true;
    known.lagMs = Math.max(0, this.#clock.epochMs() - receivedMs);
    known.isUnverified = false;
    // What was missed before the cache was dropped does not matter any more.
    if (batch.events.some(({ type }) => type === 'cleared')) {
      known.isIncomplete = false;
      this.#telemetry.resync('cleared', source);
    }
    this.#table.settle(known);
    this.#telemetry.applied({ source, sequence, batch, report, lagMs: known.lagMs });
  }

  #verify(known: FollowedSource): void {
    known.isUnverified = false;
    this.#table.settle(known);
  }

  /** Makes the index forget the blocks of one rank; `source` is who it belongs to from now on. */
  #forget(known: FollowedSource, source: KvEventSource): Awaitable<void> {
    if (!known.hasBlocks) return undefined;
    const { model } = known.source;
    return after(this.index.apply(CLEARED, { ...source, model }), () => {
      known.hasBlocks = false;
    });
  }

  /** Whether one more source may be followed. */
  #makeRoom(): Awaitable<boolean> {
    if (this.#table.size < this.#maxSources) return true;
    const silent = this.#table.longestSilent(this.#clock.epochMs());
    if (silent === undefined) return false;
    return after(this.#forget(silent, silent.source), () => {
      this.#drop(silent);
      return true;
    });
  }

  #remove({ pod, receivedMs }: KvGoneMessage): Awaitable<void> {
    const known = this.#table.ofPod(pod);
    // A pod that came back under its name before this message arrived is not the one that is gone.
    if (known.some(({ beganMs }) => beganMs > receivedMs)) {
      this.#telemetry.duplicate();
      return undefined;
    }
    return after(this.index.remove(pod), () => {
      for (const one of known) this.#drop(one);
      this.#gone.delete(pod);
      this.#gone.set(pod, receivedMs);
      const [longestGone] = this.#gone.keys();
      if (this.#gone.size > GONE_PODS && longestGone !== undefined) this.#gone.delete(longestGone);
    });
  }

  #drop(known: FollowedSource): void {
    this.#table.remove(known);
    this.#telemetry.forget(known.source);
  }
}

/** Goes on at once where nothing has to be waited for. */
function after<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
