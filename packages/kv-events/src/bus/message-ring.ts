// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { KvBusPosition } from '../kv-bus.ts';
import type { KvMessage } from '../kv-message.ts';
import { messageId, type KeptMessage } from './message-id.ts';

export interface MessageRingOptions {
  /** Longest that the messages may be together, each counted with 256 bytes beside its payload. */
  readonly maxBytes: number;
  /** How long a message is kept. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
}

interface Entry {
  readonly message: KeptMessage;
  readonly id: string;
  readonly bytes: number;
  readonly atMs: number;
}

/** Beside a payload: the message, its names, its place in two tables. */
const OVERHEAD_BYTES = 256;

/** The latest messages, each once, at places that count up from 1. The oldest leave when there are too many. */
export class MessageRing {
  readonly #options: MessageRingOptions;
  readonly #entries = new Map<KvBusPosition, Entry>();
  readonly #ids = new Set<string>();
  #oldest = 1;
  #next = 1;
  #bytes = 0;

  constructor(options: MessageRingOptions) {
    this.#options = options;
  }

  /** The first place that still has its message; the next one to come where there is none. */
  get oldest(): KvBusPosition {
    this.#discardOld();
    return this.#oldest;
  }

  /** The latest place that was taken; 0 before the first. */
  get latest(): KvBusPosition {
    return this.#next - 1;
  }

  /** What its messages count, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  at(position: KvBusPosition): KvMessage | undefined {
    return this.#entries.get(position)?.message;
  }

  /** Says whether the message is kept from now on: false where it is already, or is larger than everything may be. */
  add(message: KeptMessage): 'added' | 'known' | 'too-large' {
    const id = messageId(message);
    if (this.#ids.has(id)) return 'known';
    const payload = message.kind === 'batch' ? message.payload.byteLength : 0;
    const bytes = payload + OVERHEAD_BYTES;
    if (bytes > this.#options.maxBytes) return 'too-large';
    this.#entries.set(this.#next++, { message, id, bytes, atMs: this.#options.clock.nowMs() });
    this.#ids.add(id);
    this.#bytes += bytes;
    this.#discardOld();
    return 'added';
  }

  #discardOld(): void {
    const { maxBytes, maxAgeMs, clock } = this.#options;
    const tooOldMs = clock.nowMs() - maxAgeMs;
    for (let entry = this.#first(); entry !== undefined; entry = this.#first()) {
      if (this.#bytes <= maxBytes && entry.atMs > tooOldMs) return;
      this.#entries.delete(this.#oldest++);
      this.#ids.delete(entry.id);
      this.#bytes -= entry.bytes;
    }
  }

  #first(): Entry | undefined {
    return this.#entries.get(this.#oldest);
  }
}
