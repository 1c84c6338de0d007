// SPDX-License-Identifier: Apache-2.0

/** Facts about a span. */
export type SpanAttributes = Readonly<
  Record<string, string | number | boolean | readonly string[] | readonly number[]>
>;

/** W3C trace context headers of a request (`traceparent`, `tracestate`, `baggage`), lower-case names. */
export type TraceContext = Readonly<Record<string, string>>;

export interface SpanOptions {
  /** Whether the span is a request that somebody sent, or work within one. Default `internal`; `server` for a first span. */
  readonly kind?: 'server' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
  /** When it began, in milliseconds since the Unix epoch. Default now. */
  readonly startEpochMs?: number;
}

/** One timed piece of work. Ending twice does nothing. */
export interface Span {
  /** Whether anybody will see it. Where not, whoever would go to some length to describe it need not. */
  readonly isRecording: boolean;
  /** A span inside this one. */
  child(name: string, options?: SpanOptions): Span;
  set(attributes: SpanAttributes): void;
  event(name: string, attributes?: SpanAttributes): void;
  /** Marks it as failed. The message must not hold prompt text. */
  fail(error: unknown): void;
  /** Ends it: now, or at a time given in milliseconds since the Unix epoch. */
  end(epochMs?: number): void;
  /** Headers that make a downstream service continue this trace. Empty when tracing is off. */
  context(): TraceContext;
}

/** Starts traces. */
export interface Tracer {
  /** A span that continues the caller's trace, if `context` carries one. */
  start(name: string, context: TraceContext, options?: SpanOptions): Span;
}

const ignore = (): void => undefined;
const NO_CONTEXT: TraceContext = Object.freeze({});

/** Measures nothing. */
export const noopSpan: Span = {
  isRecording: false,
  child: () => noopSpan,
  set: ignore,
  event: ignore,
  fail: ignore,
  end: ignore,
  context: () => NO_CONTEXT,
};

/** Starts no traces; the default of every library. */
export const noopTracer: Tracer = { start: () => noopSpan };
