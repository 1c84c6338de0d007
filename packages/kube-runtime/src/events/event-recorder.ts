// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from '@llm-d/crd-types';
import {
  AbortedError,
  randomBelow,
  sleep,
  type Clock,
  type Random,
  type Timer,
} from '@llm-d/determinism';
import { noopTelemetry, type Logger, type Telemetry } from '@llm-d/telemetry';
import { recordedEvents, type RecordedEvent } from '../built-in-types.ts';
import type { KubeClient } from '../client/client.ts';
import { isNotFound, KubeApiError } from '../errors.ts';
import { microTime } from '../leader-election/lease-record.ts';
import { createTokenBucket, type TokenBucket } from '../work-queue/rate-limiter.ts';
import { createSeriesCache, seriesIdOf, type EventNote, type EventSeries } from './event-series.ts';

export interface EventRecorderOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  /** Which program this is, such as `llm-d.ai/modelservice-controller`. */
  readonly controller: string;
  /** Which of its instances, such as the name of the pod. */
  readonly instance: string;
  readonly telemetry?: Telemetry;
  /** Shortest time between two writes of one series. Default 60,000. */
  readonly seriesIntervalMs?: number;
  /** After this silence the same thing is a new event. Default 360,000, as client-go. */
  readonly silenceMs?: number;
  /** Writes about one object that need not wait for each other. Default 25, as client-go. */
  readonly burst?: number;
  /** Further writes about one object, per second. Default one in 300 seconds, as client-go. */
  readonly perSecond?: number;
  /** Objects and series that are remembered. Default 4096, as client-go. */
  readonly maxSeries?: number;
  /** Writes that wait; beyond, events are lost. Default 1000. */
  readonly maxPending?: number;
}

/**
 * Tells people what happens to objects, as `events.k8s.io/v1`: that is what the API server keeps, `kubectl` shows both
 * forms alike, and only there a series says how often and when last. Repeats are one event that counts; whatever is too
 * much about one object is left out.
 */
export interface EventRecorder extends AsyncDisposable {
  /** Notes an event and returns at once. It may be lost: nothing may depend on it. */
  record(regarding: KubeObject, event: EventNote): void;
  /** Writes the counts that are due and what waits, within `timeoutMs` (default 5000), and ends. */
  stop(timeoutMs?: number): Promise<void>;
}

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const recorder = new Recorder(options);
  return {
    record: (regarding, event) => {
      recorder.record(regarding, event);
    },
    stop: (timeoutMs = 5000) => recorder.stop(timeoutMs),
    [Symbol.asyncDispose]: () => recorder.stop(5000),
  };
}

interface Happening {
  readonly id: string;
  readonly regarding: KubeObject;
  readonly event: EventNote;
  readonly series: EventSeries;
}

/** Attempts of a write while the API server is away; what is older than that is of no use to anybody. */
const ATTEMPTS = 5;
const RETRY_MS = 10_000;
const LONGEST_NOTE_BYTES = 1024;
const LONGEST_NAME = 253;

class Recorder {
  readonly #options: Required<Omit<EventRecorderOptions, 'telemetry'>>;
  readonly #logger: Logger;
  readonly #series;
  /** By the uid of the object that events are about; the one used longest ago comes first. */
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #due = new Map<string, { readonly timer: Timer; readonly happening: Happening }>();
  readonly #pending: Happening[] = [];
  readonly #ending = new AbortController();
  #writing: Promise<void> | undefined;
  #closed = false;
  /** Whether the last event was lost; the first of a row is logged. */
  #losing = false;

  constructor(options: EventRecorderOptions) {
    this.#options = {
      seriesIntervalMs: 60_000,
      silenceMs: 360_000,
      burst: 25,
      perSecond: 1 / 300,
      maxSeries: 4096,
      maxPending: 1000,
      ...options,
    };
    this.#logger = (options.telemetry ?? noopTelemetry).logger;
    this.#series = createSeriesCache(this.#options);
  }

  record(regarding: KubeObject, event: EventNote): void {
    if (this.#closed) return;
    const { clock, seriesIntervalMs } = this.#options;
    const id = seriesIdOf(regarding, event);
    const nowMs = clock.nowMs();
    const known = this.#series.find(id, nowMs);
    if (known === undefined) {
      if (!this.#mayWrite(regarding)) {
        this.#lose('there are too many events about one object', regarding);
        return;
      }
      const series = { key: this.#keyFor(regarding), count: 1, lastMs: nowMs, written: 0 };
      this.#series.begin(id, series);
      this.#push({ id, regarding, event, series });
      return;
    }
    known.count++;
    known.lastMs = nowMs;
    if (this.#due.has(id)) return;
    const happening = { id, regarding, event, series: known };
    // That something repeats is news; how often it does can wait.
    const timer = clock.schedule(known.count === 2 ? 0 : seriesIntervalMs, () => {
      this.#due.delete(id);
      if (this.#mayWrite(regarding)) this.#push(happening);
    });
    this.#due.set(id, { timer, happening });
  }

  async stop(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const { timer, happening } of this.#due.values()) {
      timer.cancel();
      this.#push(happening);
    }
    this.#due.clear();
    const limit = this.#options.clock.schedule(timeoutMs, () => {
      this.#ending.abort();
    });
    await this.#writing;
    limit.cancel();
    this.#ending.abort();
  }

  #mayWrite({ metadata }: KubeObject): boolean {
    const { clock, burst, perSecond, maxSeries } = this.#options;
    const id = metadata.uid ?? `${metadata.namespace ?? ''}/${metadata.name}`;
    const bucket = this.#buckets.get(id) ?? createTokenBucket(clock, { burst, perSecond });
    this.#buckets.delete(id);
    this.#buckets.set(id, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > maxSeries && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket.take();
  }

  #push(happening: Happening): void {
    if (this.#pending.length >= this.#options.maxPending) {
      this.#series.drop(happening.id);
      this.#lose('too many events wait to be written', happening.regarding);
      return;
    }
    this.#pending.push(happening);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(): Promise<void> {
    for (;;) {
      const happening = this.#pending.shift();
      if (happening === undefined) return;
      try {
        await this.#writeWithPatience(happening);
        this.#losing = false;
      } catch (error) {
        this.#series.drop(happening.id);
        this.#lose('an event could not be written', happening.regarding, error);
      }
    }
  }

  async #writeWithPatience(happening: Happening): Promise<void> {
    const { signal } = this.#ending;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#write(happening);
        return;
      } catch (error) {
        const isRefused = error instanceof KubeApiError && error.status < 500;
        if (isRefused || error instanceof AbortedError || attempt === ATTEMPTS) throw error;
        await sleep(this.#options.clock, RETRY_MS, signal);
      }
    }
  }

  async #write({ regarding, event, series }: Happening): Promise<void> {
    const { client, clock } = this.#options;
    const { signal } = this.#ending;
    const { count, lastMs, written, key } = series;
    if (count === written) return;
    const lastObservedTime = microTime(clock.epochMs() - (clock.nowMs() - lastMs));
    const repeats = count > 1 && { series: { count, lastObservedTime } };
    if (written > 0) {
      try {
        await client.patch(recordedEvents, key, { ...repeats }, { signal });
        series.written = count;
        return;
      } catch (error) {
        // Events are kept for an hour; the series goes on in a new one.
        if (!isNotFound(error)) throw error;
      }
    }
    const object = { ...this.#eventOf(regarding, event, key), ...repeats };
    try {
      await client.create(recordedEvents, object, { signal });
    } catch (error) {
      // An attempt before may have arrived, though its answer did not.
      if (!(error instanceof KubeApiError && error.reason === 'AlreadyExists')) throw error;
    }
    series.written = count;
  }

  #eventOf(regarding: KubeObject, event: EventNote, key: EventSeries['key']): RecordedEvent {
    const { controller, instance, clock } = this.#options;
    const { type, reason, action, note, related } = event;
    return {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: key,
      eventTime: microTime(clock.epochMs()),
      reportingController: controller,
      reportingInstance: instance.slice(0, 128),
      type,
      reason,
      action,
      note: cut(note, LONGEST_NOTE_BYTES),
      regarding: referenceTo(regarding),
      ...(related !== undefined && { related: referenceTo(related) }),
    };
  }

  #keyFor({ metadata: { name, namespace = 'default' } }: KubeObject): EventSeries['key'] {
    const digits = Array.from({ length: 16 }, () =>
      randomBelow(this.#options.random, 16).toString(16),
    );
    const suffix = `.${digits.join('')}`;
    return { name: name.slice(0, LONGEST_NAME - suffix.length) + suffix, namespace };
  }

  #lose(message: string, { kind, metadata }: KubeObject, error?: unknown): void {
    if (!this.#losing) {
      this.#logger.warn(message, {
        kind,
        name: metadata.name,
        ...(error !== undefined && { error }),
      });
    }
    this.#losing = true;
  }
}

const referenceTo = ({ apiVersion, kind, metadata }: KubeObject) => {
  const { name, namespace, uid, resourceVersion } = metadata;
  return {
    apiVersion,
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
};

/** The beginning of a text, of whole characters. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - '...'.length;
  // Bytes of this form go on with the character before.
  while (((bytes[end] ?? 0) & 0b1100_0000) === 0b1000_0000) end--;
  return `${bytes.toString('utf8', 0, end)}...`;
}
