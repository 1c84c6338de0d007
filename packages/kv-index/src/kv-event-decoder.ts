// SPDX-License-Identifier: Apache-2.0
import type { KvEvent, KvEventBatch, KvEventProblem } from './kv-event-batch.ts';
import { KvEventDamageError, KvEventDecodeError } from './kv-event-decode-error.ts';
import { EventFields } from './kv-event-fields.ts';
import { MsgpackReader } from './msgpack-reader.ts';

/** What became of a payload. */
export type KvEventDecodeResult =
  | { readonly ok: true; readonly batch: KvEventBatch }
  | { readonly ok: false; readonly error: KvEventDecodeError };

/**
 * Reads the payloads in which vLLM, SGLang and those who follow them publish their KV cache: batches and events as
 * arrays or as maps, hashes as signed or unsigned integers or as bytes (the last eight count, big-endian).
 */
export interface KvEventDecoder {
  /**
   * Never throws. A payload that is damaged, or no batch, yields an error, and the decoder is ready for the next one.
   * In a sound payload an event that makes no sense is left out and listed in `problems`. The arrays of the batch
   * belong to the decoder and hold only until its next call.
   */
  decode(payload: Uint8Array): KvEventDecodeResult;
}

/** A decoder with memory of its own, which grows to the largest batch it has seen. */
export function createKvEventDecoder(): KvEventDecoder {
  return new BatchDecoder();
}

class BatchDecoder implements KvEventDecoder {
  readonly #reader = new MsgpackReader();
  readonly #fields = new EventFields(this.#reader);
  #timestampSeconds = 0;
  #rank: number | null = null;
  #events: KvEvent[] = [];
  #problems: KvEventProblem[] = [];

  decode(payload: Uint8Array): KvEventDecodeResult {
    this.#reader.open(payload);
    this.#fields.reset();
    this.#timestampSeconds = NaN;
    this.#rank = null;
    this.#events = [];
    this.#problems = [];
    try {
      this.#batch();
      return { ok: true, batch: this.#result() };
    } catch (error) {
      if (error instanceof KvEventDecodeError) return { ok: false, error };
      throw error;
    } finally {
      this.#reader.close();
    }
  }

  #result(): KvEventBatch {
    return {
      timestampSeconds: this.#timestampSeconds,
      dataParallelRank: this.#rank,
      events: this.#events,
      hashes: this.#fields.hashes,
      tokens: this.#fields.tokens,
      problems: this.#problems,
    };
  }

  #batch(): void {
    const reader = this.#reader;
    if (reader.kind() === 'map') this.#mapBatch(reader.mapLength('a batch'));
    else this.#arrayBatch(reader.arrayLength('a batch (array or map)'));
    if (!reader.atEnd) throw reader.mismatch('the end of the batch');
  }

  #arrayBatch(length: number): void {
    const reader = this.#reader;
    if (length < 2) throw reader.mismatch('a batch of a timestamp and events');
    this.#timestampSeconds = reader.number('the timestamp of the batch');
    this.#readEvents();
    if (length > 2) this.#readRank();
    for (let i = 3; i < length; i++) reader.skip();
  }

  #mapBatch(length: number): void {
    const reader = this.#reader;
    let hasEvents = false;
    for (let i = 0; i < length; i++) {
      const key = reader.string('a field name of the batch');
      if (key === 'ts') this.#timestampSeconds = reader.number('the timestamp of the batch');
      else if (key === 'events') {
        hasEvents = true;
        this.#readEvents();
      } else if (key === 'data_parallel_rank') this.#readRank();
      else reader.skip();
    }
    if (!hasEvents) throw reader.mismatch('a batch with "events"');
  }

  #readRank(): void {
    if (!this.#reader.nil()) this.#rank = this.#reader.uint32('a data parallel rank');
  }

  #readEvents(): void {
    const count = this.#reader.arrayLength('the events of the batch');
    for (let event = 0; event < count; event++) this.#readEvent(event);
  }

  #readEvent(event: number): void {
    const start = this.#reader.offset;
    this.#fields.mark();
    try {
      this.#events.push(this.#fields.read());
    } catch (error) {
      if (!(error instanceof KvEventDecodeError) || error instanceof KvEventDamageError) {
        throw error;
      }
      this.#problems.push({ event, offset: error.offset, message: error.message });
      this.#fields.rewind();
      this.#reader.seek(start);
      this.#reader.skip();
    }
  }
}
