// SPDX-License-Identifier: Apache-2.0
export { noopTelemetry } from './telemetry.ts';
export { noopLogger } from './logger.ts';
export { defineCounter, defineGauge, defineHistogram, noopMetrics } from './metrics.ts';
export { deprecatedHelp, withFormerName, withLegacyTwin } from './legacy-twin.ts';
export { noopSpan, noopTracer } from './tracer.ts';
export { readTracingEnvironment } from './tracing-environment.ts';

export type { Telemetry } from './telemetry.ts';
export type { LogFields, Logger } from './logger.ts';
export type {
  Counter,
  CounterDefinition,
  Gauge,
  GaugeDefinition,
  Histogram,
  HistogramDefinition,
  Labels,
  MetricDefinition,
  Metrics,
} from './metrics.ts';
export type { LegacyTwin } from './legacy-twin.ts';
export type { TracingEnvironment, TracingSettings } from './tracing-environment.ts';
export type { Span, SpanAttributes, SpanOptions, TraceContext, Tracer } from './tracer.ts';
