// SPDX-License-Identifier: Apache-2.0

/** Facts about a span. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** W3C trace context headers of a request (`traceparent`, `tracestate`, `baggage`), lower-case names. */
export type TraceContext = Readonly<Record<string, string>>;

/** One timed piece of work. Ending twice does nothing. */
export interface Span {
  /** A span inside this one. */
  child(name: string, attributes?: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  event(name: string, attributes?: SpanAttributes): void;
  fail(error: unknown): void;
  end(): void;
  /** Headers that make a downstream service continue this trace. Empty when tracing is off. */
  context(): TraceContext;
}

/** Starts traces. */
export interface Tracer {
  /** A server span that continues the caller's trace, if `context` carries one. */
  start(name: string, context: TraceContext, attributes?: SpanAttributes): Span;
}

const ignore = (): void => undefined;
const NO_CONTEXT: TraceContext = Object.freeze({});

/** Measures nothing. */
export const noopSpan: Span = {
  child: () => noopSpan,
  set: ignore,
  event: ignore,
  fail: ignore,
  end: ignore,
  context: () => NO_CONTEXT,
};

/** Starts no traces; the default of every library. */
export const noopTracer: Tracer = { start: () => noopSpan };
