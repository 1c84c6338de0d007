// SPDX-License-Identifier: Apache-2.0
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  trace,
  type Context,
  type Span as OtelSpan,
  type TextMapPropagator,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { Span, SpanAttributes, SpanOptions, TraceContext, Tracer } from './tracer.ts';

export interface OpenTelemetryTracerOptions {
  /** Default the global provider's tracer of the name `llm-d`. */
  readonly tracer?: OtelTracer;
  /** Reads and writes trace context headers. Default the global one. */
  readonly propagator?: Pick<TextMapPropagator, 'inject' | 'extract'>;
}

/** Traces through OpenTelemetry's API: the program brings an SDK and a propagator, this writes to them. */
export function createOpenTelemetryTracer(options: OpenTelemetryTracerOptions = {}): Tracer {
  const { tracer = trace.getTracer('llm-d'), propagator = globalPropagator } = options;
  return {
    start: (name, headers, { kind = 'server', ...more } = {}) => {
      const parent = propagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
      return open({ tracer, propagator }, parent, { name, options: { kind, ...more } });
    },
  };
}

const globalPropagator: NonNullable<OpenTelemetryTracerOptions['propagator']> = {
  inject: (context, carrier, setter) => {
    propagation.inject(context, carrier, setter);
  },
  extract: (context, carrier, getter) => propagation.extract(context, carrier, getter),
};

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  internal: SpanKind.INTERNAL,
} as const;

interface NewSpan {
  readonly name: string;
  readonly options: SpanOptions;
}

function open(
  parts: Required<OpenTelemetryTracerOptions>,
  parent: Context,
  { name, options }: NewSpan,
): Span {
  const { tracer, propagator } = parts;
  const { kind = 'internal', attributes, startEpochMs } = options;
  const span = tracer.startSpan(
    name,
    {
      kind: KINDS[kind],
      ...(attributes !== undefined && { attributes: plain(attributes) }),
      ...(startEpochMs !== undefined && { startTime: hrTime(startEpochMs) }),
    },
    parent,
  );
  const context = (): TraceContext => {
    const carrier: Record<string, string> = {};
    propagator.inject(trace.setSpan(parent, span), carrier, defaultTextMapSetter);
    return carrier;
  };
  if (!span.isRecording()) return unseen(context);
  return recording(span, context, (child) => open(parts, trace.setSpan(parent, span), child));
}

/** A span that was not sampled: what happens within it is not either, and all that goes on is its context. */
function unseen(context: () => TraceContext): Span {
  const span: Span = {
    isRecording: false,
    child: () => span,
    set: ignore,
    event: ignore,
    fail: ignore,
    end: ignore,
    context,
  };
  return span;
}

const ignore = (): void => undefined;

function recording(
  span: OtelSpan,
  context: () => TraceContext,
  openChild: (child: NewSpan) => Span,
): Span {
  let isOpen = true;
  return {
    isRecording: true,
    child: (name, options = {}) => openChild({ name, options }),
    set: (attributes) => {
      span.setAttributes(plain(attributes));
    },
    event: (name, attributes = {}) => {
      span.addEvent(name, plain(attributes));
    },
    fail: (error) => {
      const message = error instanceof Error ? error.message : String(error);
      span.recordException(error instanceof Error ? error : message);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    },
    end: (epochMs) => {
      // OpenTelemetry complains about a second end.
      if (isOpen) span.end(epochMs === undefined ? undefined : hrTime(epochMs));
      isOpen = false;
    },
    context,
  };
}

/** As seconds and nanoseconds: a plain number may be taken for a time since the program's start. */
function hrTime(epochMs: number): [seconds: number, nanoseconds: number] {
  const seconds = Math.floor(epochMs / 1000);
  return [seconds, Math.round((epochMs - seconds * 1000) * 1e6)];
}

type PlainAttributes = Record<string, string | number | boolean | string[] | number[]>;

/** OpenTelemetry takes arrays as its own. */
function plain(attributes: SpanAttributes): PlainAttributes {
  const own: PlainAttributes = {};
  for (const [name, value] of Object.entries(attributes)) {
    own[name] = typeof value === 'object' ? copyOf(value) : value;
  }
  return own;
}

const copyOf = (values: readonly string[] | readonly number[]): string[] | number[] =>
  values.slice();
