// SPDX-License-Identifier: Apache-2.0
import type { Awaitable } from '@llm-d/kv-index';
import { createKvEventDecoder } from '@llm-d/kv-index';
import { type SequencePosition, judgeSequence } from '../sequence-cursor.ts';
import type { ByteBudget } from './byte-budget.ts';
import type { CatchUp } from './catch-up.ts';
import { type EngineBatch, waitingBytes } from './engine-batch.ts';
import type { EngineCursor } from './engine-cursor.ts';
import type { EngineTelemetry } from './engine-telemetry.ts';
import { Fifo } from './fifo.ts';

export interface EngineWorkerOptions {
  readonly cursor: EngineCursor;
  /** Undefined for an engine that cannot be asked for what was missed. */
  readonly catchUp: CatchUp | undefined;
  /** The life of the engine as its surroundings know it, asked for every batch. */
  readonly epoch: () => string;
  readonly budget: ByteBudget;
  readonly telemetry: EngineTelemetry;
  /** Called once when work ends: with the error that nobody foresaw, or with the signal's reason. */
  readonly onEnd: (error: unknown) => void;
}

/** What waits to be worked on. */
type Work =
  | { readonly kind: 'batch'; readonly batch: EngineBatch }
  | { readonly kind: 'connected'; readonly atMs: number }
  /** Live batches that had no room; `until` is the number of the last one. */
  | { readonly kind: 'dropped'; until: number }
  | { readonly kind: 'check' };

/** Batches that come this soon after a connection are taken as the first of it, whichever was read first. */
const FRESH_MS = 1000;

/**
 * Makes one gapless stream of what one rank of an engine publishes: judges live batches, catches up where some are
 * missing, and says so where they never come. One thing at a time, in order; what waits is bounded in bytes, and what had
 * no room is asked for again.
 */
export class EngineWorker {
  readonly #options: EngineWorkerOptions;
  readonly #waiting = new Fifo<Work>();
  readonly #decoder = createKvEventDecoder();
  #isBusy = false;
  #hasEnded = false;
  #isConnected = false;
  /** Last number that came live in this life; what lies between it and the cursor came by a replay. */
  #live = -1;
  #connectedMs = -Infinity;
  #isFirst = true;
  /** Whether the engine is known to be the one from before its connection. */
  #isVerified = false;
  #checkIsDue = false;
  #hasAsked = false;
  #wasActive = false;

  constructor(options: EngineWorkerOptions) {
    this.#options = options;
  }

  /** A batch has come live. */
  batch(batch: EngineBatch): void {
    if (this.#hasEnded) return;
    if (!this.#isBusy && this.#waiting.length === 0) {
      this.#start({ kind: 'batch', batch });
      return;
    }
    if (this.#options.budget.take(waitingBytes(batch))) {
      this.#waiting.push({ kind: 'batch', batch });
      return;
    }
    this.#options.telemetry.dropped.inc();
    const { last } = this.#waiting;
    if (last?.kind === 'dropped') last.until = batch.sequence;
    else this.#waiting.push({ kind: 'dropped', until: batch.sequence });
  }

  /** There is a new connection, maybe to another process than before. */
  connected(atMs: number): void {
    this.#isConnected = true;
    this.#offer({ kind: 'connected', atMs });
  }

  /** The connection is lost; there will be another one. */
  disconnected(): void {
    this.#isConnected = false;
  }

  /** Time to see whether something was missed, and to say that the engine lives. */
  check(): void {
    if (this.#checkIsDue || !this.#isConnected) return;
    this.#checkIsDue = true;
    this.#offer({ kind: 'check' });
  }

  /** Gives back what waits. Nothing is passed on any more. */
  end(): void {
    this.#hasEnded = true;
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      if (work.kind === 'batch') this.#options.budget.give(waitingBytes(work.batch));
    }
  }

  /** Fulfilled when what is being worked on is done. */
  idle: Promise<void> = Promise.resolve();

  #offer(work: Work): void {
    if (this.#isBusy) this.#waiting.push(work);
    else this.#start(work);
  }

  #start(work: Work): void {
    if (this.#hasEnded) return;
    let done: Awaitable<void>;
    try {
      done = this.#handle(work);
    } catch (error) {
      this.#options.onEnd(error);
      return;
    }
    if (!(done instanceof Promise)) return;
    this.#isBusy = true;
    this.idle = done.then(
      () => this.#drain(),
      (error: unknown) => {
        this.#options.onEnd(error);
      },
    );
  }

  async #drain(): Promise<void> {
    try {
      for (let work = this.#next(); work !== undefined; work = this.#next()) {
        const done = this.#handle(work);
        if (done instanceof Promise) await done;
      }
      this.#isBusy = false;
    } catch (error) {
      this.#options.onEnd(error);
    }
  }

  #next(): Work | undefined {
    const work = this.#waiting.shift();
    if (work?.kind === 'batch') this.#options.budget.give(waitingBytes(work.batch));
    return work;
  }

  #handle(work: Work): Awaitable<void> {
    switch (work.kind) {
      case 'batch':
        return this.#onBatch(work.batch);
      case 'connected':
        return this.#onConnected(work.atMs);
      case 'dropped':
        return this.#onDropped(work.until);
      case 'check':
        return this.#onCheck();
    }
  }

  #onBatch(batch: EngineBatch): Awaitable<void> {
    const { cursor, telemetry } = this.#options;
    cursor.name(batch.topic);
    this.#wasActive = true;
    const position = this.#judged(batch);
    if (position === undefined) return undefined;
    if (position !== cursor.position) {
      cursor.restart(position);
      this.#live = -1;
      this.#isVerified = false;
    }
    this.#live = batch.sequence;
    this.#isFirst = false;
    if (batch.sequence === cursor.sequence + 1) {
      const done = cursor.apply(batch);
      return this.#hasAsked ? done : this.#askForHistory(done);
    }
    telemetry.gaps.inc();
    return this.#fill(batch);
  }

  /** Whether the engine keeps a history must be known before it restarts: then an empty answer shows the restart. */
  async #askForHistory(applied: Awaitable<void>): Promise<void> {
    this.#hasAsked = true;
    await applied;
    if (this.#options.catchUp?.hasHistory === false) await this.#catchUp();
  }

  /** Where the batch belongs: the cursor's position, a new life's, or nowhere because it was passed on before. */
  #judged(batch: EngineBatch): SequencePosition | undefined {
    const { cursor, epoch } = this.#options;
    const { position } = cursor;
    const given = epoch();
    const isRepeated = batch.sequence > this.#live && batch.sequence <= position.sequence;
    if (isRepeated && given === position.given) {
      this.#live = batch.sequence;
      this.#isFirst = false;
      return undefined;
    }
    const isFresh = this.#isFirst || batch.receivedMs - this.#connectedMs < FRESH_MS;
    const verdict = judgeSequence(position, {
      sequence: batch.sequence,
      epoch: given,
      evidence: {
        isFirstOfConnection: isFresh && !this.#isVerified,
        hasClear: () => this.#hasClear(batch),
      },
    });
    if (verdict.kind === 'restart') return verdict.position;
    return verdict.kind === 'duplicate' ? undefined : position;
  }

  async #fill(batch: EngineBatch): Promise<void> {
    const { cursor, catchUp } = this.#options;
    const end = await this.#catchUp(batch.sequence - 1);
    // The engine may have shown meanwhile that it is another one, and has given its batches itself.
    if (cursor.sequence >= batch.sequence) return;
    const isMissing = cursor.sequence < batch.sequence - 1;
    // An engine that keeps a history has this batch in it, unless its former process sent it. Should it only be slow to
    // keep it, the next batch shows the gap again.
    if (isMissing && end === 'complete' && catchUp?.hasHistory === true) return;
    await cursor.lose(batch.sequence - 1);
    await cursor.apply(batch);
  }

  async #onConnected(atMs: number): Promise<void> {
    const { cursor, epoch } = this.#options;
    const given = epoch();
    if (given !== cursor.position.given) cursor.restart({ given, inferred: 0, sequence: -1 });
    this.#live = cursor.sequence;
    this.#isFirst = true;
    this.#connectedMs = atMs;
    this.#isVerified = false;
    await this.#catchUp();
  }

  async #onDropped(until: number): Promise<void> {
    const { cursor, telemetry } = this.#options;
    telemetry.gaps.inc();
    const end = await this.#catchUp(until);
    if (end !== 'complete' && cursor.isNamed) await cursor.lose(until);
  }

  async #onCheck(): Promise<void> {
    const { cursor, catchUp } = this.#options;
    this.#checkIsDue = false;
    const wasActive = this.#wasActive;
    this.#wasActive = false;
    // Asked the first time, it may not have kept yet what it had just sent.
    if (wasActive && catchUp?.hasHistory !== false) return;
    await this.#catchUp();
    if (cursor.isNamed && this.#isConnected) await cursor.beat();
  }

  async #catchUp(until?: number): Promise<'complete' | 'partial' | 'unnamed'> {
    const { catchUp, cursor } = this.#options;
    if (catchUp === undefined) return 'partial';
    const before = cursor.position;
    const isSameLife = () =>
      cursor.position.given === before.given && cursor.position.inferred === before.inferred;
    const end = await catchUp.run(
      (upTo) => (isSameLife() ? this.#fillIn(upTo) : Promise.resolve()),
      until,
    );
    if (!isSameLife()) this.#live = -1;
    if (end === 'complete') this.#isVerified = true;
    return end;
  }

  /** Passes on live batches up to a number that wait already: their replay came too late. */
  async #fillIn(upTo: number): Promise<void> {
    const { cursor } = this.#options;
    for (let next = this.#waiting.first; next?.kind === 'batch'; next = this.#waiting.first) {
      const { sequence } = next.batch;
      // One that falls back is of another life, which is for the judge to say.
      if (sequence > upTo || sequence <= this.#live) return;
      this.#next();
      this.#live = sequence;
      if (sequence <= cursor.sequence) continue;
      await cursor.lose(sequence - 1);
      await cursor.apply(next.batch);
    }
  }

  #hasClear({ payload }: EngineBatch): boolean {
    const decoded = this.#decoder.decode(payload);
    return decoded.ok && decoded.batch.events.some(({ type }) => type === 'cleared');
  }
}
