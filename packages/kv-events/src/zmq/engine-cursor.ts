// SPDX-License-Identifier: Apache-2.0
import { type Clock, type Random, sleep } from '@llm-d/determinism';
import type { Awaitable, KvEventSource } from '@llm-d/kv-index';
import type { KvMessage } from '../kv-message.ts';
import { type SequencePosition, epochOf, restarted } from '../sequence-cursor.ts';
import type { EngineBatch } from './engine-batch.ts';
import type { EngineTelemetry } from './engine-telemetry.ts';
import { parseEventTopic } from './event-topic.ts';

export interface EngineCursorOptions {
  readonly pod: string;
  readonly dpRank: number;
  /** Default: what the topics say. */
  readonly model: string | undefined;
  /** Where to go on. */
  readonly position: SequencePosition;
  /** The last batch before there; undefined where it is not known. */
  readonly lastPayload?: Uint8Array | undefined;
  /** Takes the messages; the next one waits for its promise, and one that it rejects comes again. */
  readonly onMessage: (message: KvMessage) => void | Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: EngineTelemetry;
  readonly signal: AbortSignal;
}

const RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

/** How far one rank of an engine has been passed on, and the passing on itself. */
export class EngineCursor {
  readonly #options: EngineCursorOptions;
  readonly #last = new Fingerprint();
  #position: SequencePosition;
  #model: string | undefined;
  #source: KvEventSource | undefined;

  constructor(options: EngineCursorOptions) {
    this.#options = options;
    this.#position = options.position;
    this.#model = options.model;
    if (options.lastPayload !== undefined) this.#last.take(options.lastPayload);
  }

  get position(): SequencePosition {
    return this.#position;
  }

  get sequence(): number {
    return this.#position.sequence;
  }

  /** Whether messages can be made: they name the model. */
  get isNamed(): boolean {
    return this.#model !== undefined;
  }

  /** Learns the model from a topic, where it was not given. */
  name(topic: Buffer | undefined): void {
    if (topic !== undefined) this.#model ??= parseEventTopic(topic.toString()).model;
  }

  /** Undefined where it cannot be told, because the last batch was lost or belongs to a former process. */
  isLast(payload: Buffer): boolean | undefined {
    return this.#last.equals(payload);
  }

  /** Passes on the batch after the last one. */
  apply({ sequence, payload, receivedMs }: EngineBatch): Awaitable<void> {
    this.#last.take(payload);
    const source = this.#currentSource();
    const done = this.#pass({ kind: 'batch', source, sequence, receivedMs, payload });
    if (done instanceof Promise)
      return done.then(() => {
        this.#advance(sequence);
      });
    this.#advance(sequence);
    return undefined;
  }

  /** Gives up what is missing up to this number. */
  async lose(until: number): Promise<void> {
    const fromSequence = this.sequence + 1;
    if (until < fromSequence) return;
    this.#last.forget();
    await this.#pass({
      kind: 'loss',
      source: this.#currentSource(),
      fromSequence,
      untilSequence: until,
      receivedMs: this.#options.clock.epochMs(),
    });
    this.#advance(until);
  }

  /** Says that nothing has come after the last batch. */
  async beat(): Promise<void> {
    const { sequence } = this;
    const receivedMs = this.#options.clock.epochMs();
    await this.#pass({ kind: 'heartbeat', source: this.#currentSource(), sequence, receivedMs });
  }

  /** The engine has begun anew; by default without anybody having said so. */
  restart(position: SequencePosition = restarted(this.#position)): void {
    if (position.inferred > 0) this.#options.telemetry.restarted(epochOf(position));
    this.#position = position;
    this.#source = undefined;
    this.#last.forget();
  }

  #advance(sequence: number): void {
    const { given, inferred } = this.#position;
    this.#position = { given, inferred, sequence };
  }

  #currentSource(): KvEventSource {
    const { pod, dpRank } = this.#options;
    const epoch = epochOf(this.#position);
    this.#source ??= { pod, dpRank, model: this.#model ?? '', epoch };
    return this.#source;
  }

  #pass(message: KvMessage): void | Promise<void> {
    try {
      const done = this.#options.onMessage(message);
      return done instanceof Promise
        ? done.catch((error: unknown) => this.#again(message, error))
        : undefined;
    } catch (error) {
      return this.#again(message, error);
    }
  }

  async #again(message: KvMessage, first: unknown): Promise<void> {
    const { clock, random, signal, telemetry, onMessage } = this.#options;
    let error = first;
    for (let waitMs = RETRY_MS; ; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      telemetry.error('deliver', 'a message was not taken', error);
      await sleep(clock, waitMs * (0.5 + random.next()), signal);
      try {
        await onMessage(message);
        return;
      } catch (again) {
        error = again;
      }
    }
  }
}

const EDGE_BYTES = 16;

/**
 * Enough of a payload to know it again without keeping it: its length, its beginning, where the engine's clock stands in
 * fractions of a microsecond, and its end.
 */
class Fingerprint {
  readonly #edges = Buffer.alloc(2 * EDGE_BYTES);
  #length = -1;

  take(payload: Uint8Array): void {
    this.#length = payload.length;
    this.#edges.fill(0);
    this.#edges.set(payload.subarray(0, EDGE_BYTES), 0);
    this.#edges.set(payload.subarray(-EDGE_BYTES), EDGE_BYTES);
  }

  forget(): void {
    this.#length = -1;
  }

  equals(payload: Uint8Array): boolean | undefined {
    if (this.#length < 0) return undefined;
    const other = new Fingerprint();
    other.take(payload);
    return this.#length === other.#length && this.#edges.equals(other.#edges);
  }
}
