// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import { type Heard, HeardOrder } from './heard-order.ts';
import type { KvFreshness, KvSourceFreshness, KvSourceState } from './kv-freshness.ts';
import { type SequencePosition, epochOf } from './sequence-cursor.ts';

/** How far a follower is with one source: what must be kept together with its index to go on later. */
export interface KvSourceCursor {
  readonly source: KvEventSource;
  /** Last batch applied; -1 before the first. */
  readonly sequence: number;
  /** Batches lost in this epoch. */
  readonly lost: number;
  /** Whether batches are missing that no clear has made good since. */
  readonly isIncomplete: boolean;
  /** When something was last heard of it, in milliseconds of the wall clock. */
  readonly heardMs: number;
}

/** What is known of one source. Changed by its table alone, but for what the last batch tells. */
export interface FollowedSource extends SequencePosition, Heard<FollowedSource> {
  source: KvEventSource;
  given: string;
  sequence: number;
  lost: number;
  restarts: number;
  lagMs: number;
  isIncomplete: boolean;
  /** Messages of unknown sources were lost on the way; its next one will show whether some were its own. */
  isUnverified: boolean;
  /** Whether the index may hold blocks of it. */
  hasBlocks: boolean;
  /** Epochs before this one, the latest first. */
  pastEpochs: readonly string[];
  /** When this epoch was first heard of, in milliseconds of the wall clock. */
  beganMs: number;
  isCountedWhole: boolean;
}

const PAST_EPOCHS = 4;

/** The sources of a follower, and their sum, which costs the same however many they are. */
export class SourceTable {
  readonly #byPod = new Map<string, Map<number, FollowedSource>>();
  readonly #order = new HeardOrder<FollowedSource>();
  readonly #silentAfterMs: number;
  #size = 0;
  #whole = 0;
  #lost = 0;

  constructor(silentAfterMs: number) {
    this.#silentAfterMs = silentAfterMs;
  }

  get size(): number {
    return this.#size;
  }

  find({ pod, dpRank }: KvEventSource): FollowedSource | undefined {
    return this.#byPod.get(pod)?.get(dpRank);
  }

  ofPod(pod: string): FollowedSource[] {
    return [...(this.#byPod.get(pod)?.values() ?? [])];
  }

  *all(): Generator<FollowedSource> {
    for (const ranks of this.#byPod.values()) yield* ranks.values();
  }

  add(source: KvEventSource, heardMs: number): FollowedSource {
    const known: FollowedSource = {
      source,
      given: source.epoch,
      inferred: 0,
      sequence: -1,
      lost: 0,
      restarts: 0,
      lagMs: 0,
      isIncomplete: false,
      isUnverified: false,
      hasBlocks: false,
      pastEpochs: [],
      beganMs: heardMs,
      isCountedWhole: false,
      heardMs,
      before: undefined,
      after: undefined,
      isSilent: false,
    };
    this.#order.add(known);
    const ranks = this.#byPod.get(source.pod);
    if (ranks === undefined) this.#byPod.set(source.pod, new Map([[source.dpRank, known]]));
    else ranks.set(source.dpRank, known);
    this.#size++;
    return known;
  }

  restore({ source, sequence, lost, isIncomplete, heardMs }: KvSourceCursor): void {
    const known = this.add(source, heardMs);
    known.sequence = sequence;
    known.hasBlocks = sequence >= 0;
    known.isIncomplete = isIncomplete;
    this.#addLost(known, lost);
    this.settle(known);
  }

  remove(known: FollowedSource): void {
    const { pod, dpRank } = known.source;
    const ranks = this.#byPod.get(pod);
    ranks?.delete(dpRank);
    if (ranks?.size === 0) this.#byPod.delete(pod);
    this.#order.remove(known);
    this.#addLost(known, -known.lost);
    if (known.isCountedWhole) this.#whole--;
    this.#size--;
  }

  /** Something came of it that left its engine at this time. */
  hear(known: FollowedSource, heardMs: number): void {
    this.#order.touch(known, heardMs);
    this.settle(known);
  }

  /** A new life: nothing is known of it yet, and nothing missed. */
  begin(known: FollowedSource, source: KvEventSource, beganMs: number): void {
    known.pastEpochs = [known.given, ...known.pastEpochs].slice(0, PAST_EPOCHS);
    known.source = source;
    known.given = source.epoch;
    known.sequence = -1;
    known.beganMs = beganMs;
    known.isIncomplete = false;
    known.isUnverified = false;
    known.restarts++;
    this.#addLost(known, -known.lost);
    this.settle(known);
  }

  /** Batches will never come. */
  lose(known: FollowedSource, batches: number): void {
    known.isIncomplete = true;
    this.#addLost(known, batches);
    this.settle(known);
  }

  /** Brings the sum up to date after a field of the record was changed. */
  settle(known: FollowedSource): void {
    const isWhole = stateOf(known) === 'whole';
    if (isWhole === known.isCountedWhole) return;
    known.isCountedWhole = isWhole;
    this.#whole += isWhole ? 1 : -1;
  }

  /** The source that nothing was heard of for longest, if that is longer than the limit. */
  longestSilent(nowMs: number): FollowedSource | undefined {
    this.#age(nowMs);
    const oldest = this.#order.oldest;
    return oldest?.isSilent === true ? oldest : undefined;
  }

  freshness(nowMs: number, isCaughtUp: boolean): KvFreshness {
    this.#age(nowMs);
    const oldest = this.#order.oldest;
    return {
      isCaughtUp,
      oldestMs: oldest === undefined ? undefined : Math.max(0, nowMs - oldest.heardMs),
      sources: this.#size,
      wholeSources: this.#whole,
      lostBatches: this.#lost,
    };
  }

  sources(nowMs: number): readonly KvSourceFreshness[] {
    this.#age(nowMs);
    return Array.from(this.all(), (known) => ({
      source: known.source,
      state: stateOf(known),
      sequence: known.sequence,
      ageMs: Math.max(0, nowMs - known.heardMs),
      lagMs: known.lagMs,
      lostBatches: known.lost,
      restarts: known.restarts,
    }));
  }

  cursors(): readonly KvSourceCursor[] {
    return Array.from(this.all(), (known) => ({
      source: { ...known.source, epoch: epochOf(known) },
      sequence: known.sequence,
      lost: known.lost,
      isIncomplete: known.isIncomplete || known.isUnverified,
      heardMs: known.heardMs,
    }));
  }

  #age(nowMs: number): void {
    for (const known of this.#order.fallSilent(nowMs - this.#silentAfterMs)) this.settle(known);
  }

  #addLost(known: FollowedSource, batches: number): void {
    known.lost += batches;
    this.#lost += batches;
  }
}

function stateOf(known: FollowedSource): KvSourceState {
  if (known.isSilent) return 'silent';
  if (known.isIncomplete || known.isUnverified) return 'incomplete';
  return known.sequence < 0 ? 'waiting' : 'whole';
}
