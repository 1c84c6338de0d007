// SPDX-License-Identifier: Apache-2.0
import type { LogFields, Logger } from './logger.ts';
import type { Labels, MetricDefinition, Metrics } from './metrics.ts';
import type { Span, SpanAttributes, SpanOptions, TraceContext, Tracer } from './tracer.ts';

/** A line that a {@link recordingLogger} was given. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, for assertions. */
export function recordingLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const create = (base: LogFields): Logger => {
    const at =
      (level: LogLine['level']) =>
      (message: string, fields: LogFields = {}) => {
        lines.push({ level, message, fields: { ...base, ...fields } });
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      with: (fields) => create({ ...base, ...fields }),
    };
  };
  return { ...create({}), lines };
}

/** Metrics that can be read back: counters and gauges by value, histograms as the list of observations. */
export interface RecordingMetrics extends Metrics {
  /** Value of a counter or gauge; 0 where nothing was recorded. */
  value<L extends string>(definition: MetricDefinition<L>, labels: Labels<L>): number;
  /** What a histogram observed, in order. */
  observations<L extends string>(
    definition: MetricDefinition<L>,
    labels: Labels<L>,
  ): readonly number[];
}

/** Keeps every measurement in memory, for assertions. */
export function recordingMetrics(): RecordingMetrics {
  const values = new Map<string, number>();
  const observations = new Map<string, number[]>();
  const key = (definition: MetricDefinition, labels: Readonly<Record<string, string>>): string =>
    [definition.name, ...definition.labels.map((label) => labels[label])].join('|');
  const add = (id: string, amount: number): void => {
    values.set(id, (values.get(id) ?? 0) + amount);
  };
  return {
    counter: (definition, labels) => {
      const id = key(definition, labels);
      return {
        inc: (amount = 1) => {
          add(id, amount);
        },
      };
    },
    gauge: (definition, labels) => {
      const id = key(definition, labels);
      return {
        set: (value) => {
          values.set(id, value);
        },
        add: (amount) => {
          add(id, amount);
        },
      };
    },
    histogram: (definition, labels) => {
      const id = key(definition, labels);
      const list = observations.get(id) ?? [];
      observations.set(id, list);
      return { observe: (value) => list.push(value) };
    },
    remove: (definition, labels) => {
      values.delete(key(definition, labels));
      observations.delete(key(definition, labels));
    },
    value: (definition, labels) => values.get(key(definition, labels)) ?? 0,
    observations: (definition, labels) => observations.get(key(definition, labels)) ?? [],
  };
}

/** What a {@link recordingTracer} was told of one span. */
export interface RecordedSpan {
  readonly name: string;
  /** Name of the span it is in; undefined for a first one. */
  readonly parent: string | undefined;
  /** What a first span was to continue. */
  readonly context: TraceContext;
  readonly options: SpanOptions;
  /** All that was set, at the beginning and later. */
  attributes: SpanAttributes;
  readonly events: { readonly name: string; readonly attributes: SpanAttributes }[];
  /** What it failed with. */
  error: unknown;
  /** How often it was ended. */
  ends: number;
  /** The time of its end, where one was given. */
  endEpochMs: number | undefined;
}

/** A tracer that keeps its spans, for assertions. `isSampled` false records nothing, as an unsampled trace does. */
export function recordingTracer({ isSampled = true } = {}): Tracer & {
  readonly spans: readonly RecordedSpan[];
} {
  const spans: RecordedSpan[] = [];
  const open = (
    name: string,
    { parent, context }: Pick<RecordedSpan, 'parent' | 'context'>,
    options: SpanOptions,
  ): Span => {
    const span: RecordedSpan = {
      name,
      parent,
      context,
      options,
      attributes: options.attributes ?? {},
      events: [],
      error: undefined,
      ends: 0,
      endEpochMs: undefined,
    };
    if (isSampled) spans.push(span);
    return {
      isRecording: isSampled,
      child: (childName, childOptions = {}) =>
        open(childName, { parent: name, context: {} }, childOptions),
      set: (attributes) => {
        span.attributes = { ...span.attributes, ...attributes };
      },
      event: (eventName, attributes = {}) => {
        span.events.push({ name: eventName, attributes });
      },
      fail: (error) => {
        span.error = error;
      },
      end: (epochMs) => {
        span.ends++;
        span.endEpochMs = epochMs;
      },
      context: () => ({ traceparent: `continues ${name}, ${isSampled ? '01' : '00'}` }),
    };
  };
  return {
    spans,
    start: (name, context, options = {}) => open(name, { parent: undefined, context }, options),
  };
}
