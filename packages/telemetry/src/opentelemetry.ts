// SPDX-License-Identifier: Apache-2.0
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  propagation,
  trace,
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import type { Span, TraceContext, Tracer } from './tracer.ts';

/**
 * Traces through OpenTelemetry's API: the program registers an SDK and a propagator, this writes to them.
 * `tracer` defaults to the global provider's tracer of the name `llm-d`.
 */
export function createOpenTelemetryTracer(tracer: OtelTracer = trace.getTracer('llm-d')): Tracer {
  return {
    start: (name, context, attributes = {}) => {
      const parent = propagation.extract(ROOT_CONTEXT, context);
      return open(
        tracer,
        tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent),
        parent,
      );
    },
  };
}

function open(tracer: OtelTracer, span: OtelSpan, parent: Context): Span {
  const context = trace.setSpan(parent, span);
  return {
    child: (name, attributes = {}) =>
      open(tracer, tracer.startSpan(name, { attributes }, context), context),
    set: (attributes) => {
      span.setAttributes(attributes);
    },
    event: (name, attributes = {}) => {
      span.addEvent(name, attributes);
    },
    fail: (error) => {
      const message = error instanceof Error ? error.message : String(error);
      span.recordException(error instanceof Error ? error : message);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
    },
    end: () => {
      span.end();
    },
    context: (): TraceContext => {
      const carrier: Record<string, string> = {};
      propagation.inject(context, carrier);
      return carrier;
    },
  };
}
