// SPDX-License-Identifier: Apache-2.0
import { type Clock, type Random, sleep } from '@llm-d/determinism';
import type { ByteBudget } from './byte-budget.ts';
import type { EngineCursor } from './engine-cursor.ts';
import type { EngineTelemetry } from './engine-telemetry.ts';
import type { ReplayLimiter } from './replay-limiter.ts';
import { ReplayPass } from './replay-pass.ts';

export interface CatchUpOptions {
  readonly endpoint: string;
  readonly cursor: EngineCursor;
  readonly limiter: ReplayLimiter;
  readonly budget: ByteBudget;
  readonly maxMessageBytes: number;
  /** A pass in which nothing comes for so long is over. */
  readonly idleMs: number;
  /** After so long a catching up is given up. */
  readonly limitMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: EngineTelemetry;
  readonly signal: AbortSignal;
}

/**
 * How far a catching up came: all that the engine has (`complete`), not all of it (`partial`), or nowhere because
 * nothing yet says whose model these blocks are (`unnamed`).
 */
export type CatchUpEnd = 'complete' | 'partial' | 'unnamed';

/** Replays shorter than this fit into the pipe of a ROUTER, half of whose default limit it is: nothing is dropped. */
const FITS_BATCHES = 500;

/** What became of one pass. */
type PassOutcome = 'complete' | 'more' | 'restarted' | 'nothing' | 'unnamed';

const MOST_STALLS = 3;
const PAUSE_MS = 100;
const SUSPENSION_MS = 10_000;

/**
 * Brings a cursor to where its engine is. Asks from the last batch known, again and again until a pass without a gap ends
 * with the engine's mark, or three in a row bring nothing. That the engine gives the last batch just as it was known
 * shows that it is still the same process; one that has another batch there, or none, has restarted.
 */
export class CatchUp {
  readonly #options: CatchUpOptions;
  #hasHistory = false;
  #suspendedUntilMs = -Infinity;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Whether the engine was ever seen to keep a history; one without says nothing by an empty answer. */
  get hasHistory(): boolean {
    return this.#hasHistory;
  }

  /**
   * Catches up until the engine has no more, or to `until`. `fillIn` is called before batches up to a number are given
   * up, and may pass some of them on. Rejects only when the signal fires.
   */
  async run(fillIn: (upTo: number) => Promise<void>, until = Infinity): Promise<CatchUpEnd> {
    const { clock, limiter, signal, telemetry } = this.#options;
    // Whoever does not answer is left alone for a while: what is missing meanwhile is lost, not waited for.
    if (clock.nowMs() < this.#suspendedUntilMs) return 'partial';
    const end = await limiter.run(() => this.#passes(fillIn, until), signal);
    if (end === 'complete') telemetry.replaysCompleted.inc();
    else if (end === 'partial') telemetry.replaysFailed.inc();
    return end;
  }

  async #passes(fillIn: (upTo: number) => Promise<void>, until: number): Promise<CatchUpEnd> {
    const { clock, cursor, limitMs, telemetry } = this.#options;
    const limit = clock.nowMs() + limitMs;
    let empties = 0;
    for (let stalls = 0; stalls < MOST_STALLS && clock.nowMs() < limit;) {
      const before = cursor.sequence;
      const outcome = await this.#pass(fillIn, until);
      if (outcome === 'unnamed') return outcome;
      // The last ones may be dropped and the mark after them not; asking once more costs little.
      const isSure = cursor.sequence - before < FITS_BATCHES || cursor.sequence >= until;
      if (outcome === 'complete' && isSure) return outcome;
      if (outcome === 'restarted') continue;
      if (outcome === 'nothing') {
        // A server that answers on a thread of its own may be asked before it has noted what it just sent.
        if (++empties === 2) cursor.restart();
      } else stalls = cursor.sequence > before ? 0 : stalls + 1;
      if (cursor.sequence <= before) await this.#pause();
    }
    telemetry.error('replay-no-progress', 'the engine does not give what it published');
    this.#suspendedUntilMs = clock.nowMs() + SUSPENSION_MS * (0.5 + this.#options.random.next());
    return 'partial';
  }

  async #pass(fillIn: (upTo: number) => Promise<void>, until: number): Promise<PassOutcome> {
    const { cursor, telemetry } = this.#options;
    const known = cursor.sequence;
    const pass = this.#newPass(Math.max(0, known), known);
    let isEmpty = true;
    try {
      for await (const batch of pass.batches()) {
        isEmpty = false;
        this.#hasHistory = true;
        cursor.name(batch.topic);
        if (!cursor.isNamed) return 'unnamed';
        if (batch.sequence === known) {
          if (cursor.isLast(batch.payload) !== false) continue;
          cursor.restart();
          return 'restarted';
        }
        if (batch.sequence > cursor.sequence + 1) await fillIn(batch.sequence - 1);
        if (batch.sequence > cursor.sequence + 1) {
          telemetry.error('replay-incomplete', 'the engine no longer has all that is missing');
          await cursor.lose(batch.sequence - 1);
        }
        await cursor.apply(batch);
        telemetry.replayed.inc();
        if (cursor.sequence >= until) return 'complete';
      }
    } catch (error) {
      if (this.#options.signal.aborted) throw error;
      telemetry.error('replay-connect', 'the replay socket failed', error);
    }
    this.#options.signal.throwIfAborted();
    if (pass.end === 'full') telemetry.error('replay-capacity', 'more comes than may wait');
    if (pass.end !== 'complete') return 'more';
    if (!isEmpty || known < 0) return 'complete';
    if (!this.#hasHistory) await this.#lookForHistory();
    return this.#hasHistory ? 'nothing' : 'complete';
  }

  /** An engine that has nothing from the last batch on keeps no history, or has begun another one. */
  async #lookForHistory(): Promise<void> {
    const { cursor, signal, telemetry } = this.#options;
    try {
      for await (const { topic } of this.#newPass(0, -1).batches()) {
        this.#hasHistory = true;
        cursor.name(topic);
        break;
      }
    } catch (error) {
      if (signal.aborted) throw error;
      telemetry.error('replay-connect', 'the replay socket failed', error);
    }
    signal.throwIfAborted();
  }

  #newPass(from: number, known: number): ReplayPass {
    const { endpoint, idleMs, maxMessageBytes, budget, clock, signal } = this.#options;
    return new ReplayPass({
      ...{ endpoint, from, known, idleMs, maxMessageBytes, budget, clock, signal },
    });
  }

  async #pause(): Promise<void> {
    const { clock, random, signal } = this.#options;
    await sleep(clock, PAUSE_MS * (1 + random.next()), signal);
  }
}
