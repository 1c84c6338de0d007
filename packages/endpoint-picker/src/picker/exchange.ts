// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type {
  Completion,
  DynamicMetadata,
  Exchange,
  Named,
  PluginDurations,
  ResponseHooks,
  SchedulingRequest,
  Termination,
  TokenUsage,
} from '@llm-d/scheduler-core';
import type { Histogram, Logger } from '@llm-d/telemetry';
import type { Placement } from '../fleet/fleet.ts';
import type { DecisionRecord } from './decision-log.ts';
import type { RequestTrace } from '../tracing/request-trace.ts';
import type { RequestSeries } from './request-metrics.ts';

/** What the transport learned when an exchange ended. */
export interface ExchangeEnd {
  readonly termination: Termination;
  readonly usage?: TokenUsage | undefined;
  /** Server-sent events of the answer, where the transport counted them. */
  readonly streamedEvents?: number | undefined;
}

/**
 * A placed request on its way through the server. The transport reports what passes, in any order of chunks and
 * at any granularity; it must call `end` exactly once in effect (more calls do nothing), whatever happens.
 */
export interface PlacedExchange {
  /**
   * The answer's head arrived, and what the proxy sent along with it. Returns headers to add to the client's
   * answer.
   */
  responseHeaders(
    status: number,
    headers: ReadonlyMap<string, string>,
    metadata?: DynamicMetadata,
  ): ReadonlyMap<string, string>;
  /** Bytes of the answer's body passed. */
  responseBytes(count: number): void;
  /** The transport is done with the bytes it told of last. Transports that do not say so leave a metric empty. */
  responseHandled(): void;
  /**
   * Gives the server back and tells every plugin how it went. Returns what the plugins want the proxy to be told with
   * the last message; undefined where that is nothing.
   */
  end(end: ExchangeEnd): DynamicMetadata | undefined;
  /**
   * Calls back, at most once, when the exchange must end before its time because higher priorities need the room: a
   * client that has seen nothing is answered `evicted`, one that has is cut off, the server's request is aborted, and
   * `end` is called with the termination `evicted`. At once where that was decided already.
   */
  onEvicted(callback: () => void): void;
}

export interface ExchangeParts {
  readonly exchange: Exchange;
  readonly placement: Placement;
  readonly record: DecisionRecord;
  readonly series: RequestSeries;
  readonly trace: RequestTrace;
  readonly hooks: readonly MeasuredHooks[];
  /** Where the time goes that answers take here, in seconds. */
  readonly responseProcessing: Histogram;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Clock reading (ms) of the request's arrival. */
  readonly arrivedMs: number;
  /** Called when the answer's first byte has passed and every plugin knows. */
  readonly onStarted?: () => void;
  /** Called when the exchange is over and every plugin knows. */
  readonly onEnded?: (usage: TokenUsage | undefined) => void;
}

/** A plugin's hooks with where the seconds go that each of them takes. */
export interface MeasuredHooks extends Named<ResponseHooks> {
  readonly seconds: {
    readonly received: Histogram;
    readonly started: Histogram;
    readonly completed: Histogram;
  };
}

/** Finds where the hooks' times go. */
export const measuredHooks = (
  hooks: readonly Named<ResponseHooks>[],
  durations: PluginDurations,
): readonly MeasuredHooks[] =>
  hooks.map(({ name, plugin }) => ({
    name,
    plugin,
    seconds: {
      received: durations.of('ResponseReceived', name),
      started: durations.of('ResponseStreaming', name),
      completed: durations.of('ResponseComplete', name),
    },
  }));

/** An exchange as its owner holds it. */
export interface OwnExchange extends PlacedExchange {
  /** Has the transport end it before its time. */
  evict(): void;
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** Opens the books of an exchange that was just placed. */
export function openExchange(parts: ExchangeParts): OwnExchange {
  return new OpenExchange(parts);
}

class OpenExchange implements OwnExchange {
  readonly #parts: ExchangeParts;
  #status: number | undefined;
  /** Clock reading of the answer's head. */
  #headMs: number | undefined;
  #firstByteMs: number | undefined;
  /** Clock reading of the latest chunk of a streamed answer. */
  #chunkMs = 0;
  #handlingMs = 0;
  #bytes = 0;
  #ended = false;
  #evicted = false;
  #evictions: (() => void) | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    parts.series.running.add(1);
  }

  responseHeaders(
    status: number,
    headers: ReadonlyMap<string, string>,
    metadata?: DynamicMetadata,
  ): ReadonlyMap<string, string> {
    this.#status = status;
    const { hooks, exchange, clock } = this.#parts;
    this.#headMs ??= clock.nowMs();
    if (this.#ended || hooks.every(({ plugin }) => plugin.responseHeaders === undefined)) {
      return NO_HEADERS;
    }
    const added = new Map<string, string>();
    this.#each('received', (plugin) =>
      plugin.responseHeaders?.(exchange, headers, added, metadata),
    );
    return added;
  }

  responseBytes(count: number): void {
    if (this.#ended || count === 0) return;
    this.#bytes += count;
    const { streaming } = this.#parts.exchange.cycle.request;
    if (this.#firstByteMs !== undefined && !streaming) return;
    const atMs = this.#parts.clock.nowMs();
    if (this.#firstByteMs === undefined) this.#started(atMs);
    else this.#parts.series.nextChunk((atMs - this.#chunkMs) / 1000);
    this.#chunkMs = atMs;
  }

  responseHandled(): void {
    if (this.#ended || !this.#parts.exchange.cycle.request.streaming) return;
    this.#handlingMs += this.#parts.clock.nowMs() - this.#chunkMs;
  }

  #started(atMs: number): void {
    const { exchange, arrivedMs, series } = this.#parts;
    this.#firstByteMs = atMs - arrivedMs;
    series.firstByte(this.#firstByteMs / 1000, exchange.cycle.request.streaming);
    this.#each('started', (plugin) => plugin.responseStarted?.(exchange, atMs));
    this.#parts.onStarted?.();
  }

  end({ termination, usage, streamedEvents }: ExchangeEnd): DynamicMetadata | undefined {
    if (this.#ended) return undefined;
    this.#ended = true;
    const { placement, clock, exchange, arrivedMs, record } = this.#parts;
    placement.release();
    const atMs = clock.nowMs();
    const status = this.#status;
    const completion: Completion = {
      termination,
      status,
      usage,
      ...(streamedEvents !== undefined && { streamedEvents }),
      atMs,
    };
    let metadata: DynamicMetadata | undefined;
    this.#each('completed', (plugin) => {
      const told = plugin.responseCompleted?.(exchange, completion);
      if (told !== undefined) metadata = merge(metadata, told);
    });
    record.answer = {
      termination,
      status,
      firstByteMs: this.#firstByteMs,
      durationMs: atMs - arrivedMs,
      usage,
    };
    this.#count(record.answer, atMs);
    this.#parts.trace.answered(record.answer);
    this.#evictions = undefined;
    this.#parts.onEnded?.(usage);
    return metadata;
  }

  onEvicted(callback: () => void): void {
    if (this.#ended) return;
    if (this.#evicted) callback();
    else this.#evictions = callback;
  }

  evict(): void {
    if (this.#ended || this.#evicted) return;
    this.#evicted = true;
    try {
      this.#evictions?.();
    } catch (error) {
      const requestId = this.#requestOf().id;
      this.#parts.logger.error('a transport failed to end an exchange', { requestId, error });
    }
  }

  #count(answer: NonNullable<DecisionRecord['answer']>, atMs: number): void {
    const { series, exchange, responseProcessing } = this.#parts;
    const { streaming } = exchange.cycle.request;
    series.running.add(-1);
    series.responseBytes.observe(this.#bytes);
    series.answered({ ...answer, streaming });
    const error = errorCode(answer.termination, answer.status);
    if (error !== undefined) series.error(error);
    // As llm-d measures it: what was done with a stream's chunks, but the whole wait for an answer that is no stream.
    const processedMs = streaming ? this.#handlingMs : atMs - (this.#headMs ?? atMs);
    if (processedMs > 0) responseProcessing.observe(processedMs / 1000);
  }

  /** A hook must not throw; one that does must not keep the others from their books. */
  #each(phase: keyof MeasuredHooks['seconds'], call: (plugin: ResponseHooks) => void): void {
    const { hooks, clock, logger } = this.#parts;
    let startMs: number | undefined;
    for (const { name, plugin, seconds } of hooks) {
      if (plugin[PHASES[phase]] === undefined) continue;
      startMs ??= clock.nowMs();
      try {
        call(plugin);
      } catch (error) {
        const requestId = this.#requestOf().id;
        logger.error('response hook failed', { plugin: name, requestId, error });
      }
      const endMs = clock.nowMs();
      seconds[phase].observe((endMs - startMs) / 1000);
      startMs = endMs;
    }
  }

  #requestOf(): SchedulingRequest {
    return this.#parts.exchange.cycle.request;
  }
}

const PHASES = {
  received: 'responseHeaders',
  started: 'responseStarted',
  completed: 'responseCompleted',
} as const;

/** Namespaces are joined; of a name that two plugins use the later one's value counts. */
function merge(first: DynamicMetadata | undefined, second: DynamicMetadata): DynamicMetadata {
  if (first === undefined) return second;
  const merged: Record<string, Readonly<Record<string, unknown>>> = { ...first };
  for (const [namespace, values] of Object.entries(second)) {
    merged[namespace] = { ...merged[namespace], ...values };
  }
  return merged;
}

/** The `error_code` an exchange counts under; undefined for one that went well. */
function errorCode(termination: Termination, status: number | undefined): string | undefined {
  switch (termination) {
    case 'client-disconnect':
      return 'ClientDisconnect';
    case 'evicted':
      return 'Evicted';
    case 'error':
      return 'UpstreamError';
    case 'natural':
      return status !== undefined && status >= 400 ? 'ModelServerError' : undefined;
  }
}
