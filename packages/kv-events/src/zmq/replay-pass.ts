// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import { Dealer } from 'zeromq';
import type { ByteBudget } from './byte-budget.ts';
import { type EngineBatch, waitingBytes } from './engine-batch.ts';
import { Fifo } from './fifo.ts';
import { readMessages } from './read-messages.ts';
import { readSequence, sequenceFrame } from './sequence-frame.ts';

/** How a pass ended. */
export type PassEnd =
  /** With the engine's mark: what it has was given. */
  | 'complete'
  /** A batch was left out on the way; what is after it was not taken. */
  | 'gap'
  /** Nothing came for too long. */
  | 'idle'
  /** More came than may wait. */
  | 'full'
  /** The user turned away, or the signal fired. */
  | 'left';

export interface ReplayPassOptions {
  readonly endpoint: string;
  /** First batch to ask for. */
  readonly from: number;
  /** Last batch that is known: those after it must follow each other, though the first may be any. */
  readonly known: number;
  readonly idleMs: number;
  readonly maxMessageBytes: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Asks an engine once for what it has published. Engines answer from a ROUTER, which drops what its peer's pipe has no
 * room for without a word, so batches are taken only as far as they follow each other. Each pass has a socket of its own:
 * what is left of one must not be taken for the answer of the next.
 */
export class ReplayPass {
  end: PassEnd = 'left';
  readonly #options: ReplayPassOptions;
  readonly #dealer: Dealer;
  readonly #arrived = new Fifo<EngineBatch>();
  #next: number | undefined;
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(options: ReplayPassOptions) {
    this.#options = options;
    this.#dealer = new Dealer({
      ...{ linger: 0, receiveHighWaterMark: 0, maxMessageSize: options.maxMessageBytes },
    });
  }

  /** The batches from the one asked for, or from the oldest that the engine has. `end` is known afterwards. */
  async *batches(): AsyncGenerator<EngineBatch, void, void> {
    const { endpoint, from, signal } = this.#options;
    const leave = () => {
      this.#finish('left');
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      this.#dealer.connect(endpoint);
      await this.#dealer.send([Buffer.alloc(0), sequenceFrame(from)]);
      const reading = this.#read();
      for (;;) {
        const batch = this.#arrived.shift();
        if (batch !== undefined) {
          this.#options.budget.give(waitingBytes(batch));
          yield batch;
        } else if (this.#isOver) break;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      await reading;
    } finally {
      signal.removeEventListener('abort', leave);
      this.#finish('left');
      for (let rest = this.#arrived.shift(); rest !== undefined; rest = this.#arrived.shift()) {
        this.#options.budget.give(waitingBytes(rest));
      }
    }
  }

  /** Reads as fast as it can, whatever the user does, as libzmq would otherwise gather without a bound. */
  async #read(): Promise<void> {
    const { clock, idleMs, signal } = this.#options;
    let lastMs = clock.nowMs();
    const watch = () => {
      const leftMs = lastMs + idleMs - clock.nowMs();
      if (leftMs <= 0) this.#finish('idle');
      else timer = clock.schedule(leftMs, watch);
    };
    let timer = clock.schedule(idleMs, watch);
    try {
      if (signal.aborted) return;
      await readMessages(this.#dealer, (frames) => {
        lastMs = clock.nowMs();
        this.#take(frames);
      });
    } finally {
      timer.cancel();
    }
  }

  #take(frames: readonly Buffer[]): void {
    const hasTopic = frames.length === 4;
    if (!hasTopic && frames.length !== 3) return;
    const sequence = readSequence(frames.at(-2));
    const payload = frames.at(-1);
    if (sequence === 'end') {
      this.#finish('complete');
      return;
    }
    if (sequence === undefined || payload === undefined) return;
    if (sequence < (this.#next ?? this.#options.from)) return;
    if (this.#next !== undefined && sequence > this.#next) {
      this.#finish('gap');
      return;
    }
    if (sequence > this.#options.known) this.#next = sequence + 1;
    const topic = hasTopic ? frames[1] : undefined;
    this.#keep({ sequence, topic, payload, receivedMs: this.#options.clock.epochMs() });
  }

  #keep(batch: EngineBatch): void {
    if (!this.#options.budget.take(waitingBytes(batch))) {
      this.#finish('full');
      return;
    }
    this.#arrived.push(batch);
    this.#wake?.();
  }

  #finish(end: PassEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.end = end;
    this.#dealer.close();
    this.#wake?.();
  }
}
