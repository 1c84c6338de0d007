// SPDX-License-Identifier: Apache-2.0
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from '@opentelemetry/core';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ConsoleSpanExporter,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import { createOpenTelemetryTracer } from './opentelemetry.ts';
import { OtlpExporter, type Timers } from './otlp-exporter.ts';
import type { Tracer } from './tracer.ts';
import type { TracingSettings } from './tracing-environment.ts';

export type { Timers } from './otlp-exporter.ts';

export interface TracingOptions {
  readonly settings: TracingSettings;
  readonly logger: Logger;
  readonly timers: Timers;
  /** Version of the program. Default none. */
  readonly serviceVersion?: string;
  /** Time from a span's end to its export, at most. Default 5000. */
  readonly exportDelayMs?: number;
  /** Longest wait for the last spans to be delivered. Default 3000. */
  readonly closeTimeoutMs?: number;
}

/** Traces on their way to a collector. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Delivers what is left, for as long as the options say. Never rejects. */
  close(): Promise<void>;
}

/** Name of what makes the spans, as llm-d's router has it. */
const SCOPE = 'llm-d-router';

/**
 * Starts tracing through OpenTelemetry's SDK: spans continue the caller's W3C trace context, whose decision to sample is
 * followed; of the others a share is sampled. Registers nothing globally. Whatever happens to the spans, whoever makes
 * them never notices.
 */
export function startTracing(options: TracingOptions): Tracing {
  const { settings, logger, timers } = options;
  const otlp =
    settings.exporter === 'otlp' ? new OtlpExporter({ ...settings, logger, timers }) : undefined;
  const exporter = settings.exporter === 'console' ? new ConsoleSpanExporter() : otlp;
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.samplingRatio) }),
    resource: resourceFromAttributes({
      ...settings.resourceAttributes,
      'service.name': settings.serviceName,
      ...(options.serviceVersion !== undefined && { 'service.version': options.serviceVersion }),
    }),
    spanProcessors:
      exporter === undefined
        ? []
        : [
            new BatchSpanProcessor({
              exporter,
              scheduledDelayMillis: options.exportDelayMs ?? 5000,
            }),
          ],
  });
  const propagator = new CompositePropagator({
    propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
  });
  return {
    tracer: createOpenTelemetryTracer({ tracer: provider.getTracer(SCOPE), propagator }),
    close: async () => {
      const timer = timers.schedule(options.closeTimeoutMs ?? 3000, () => otlp?.abandon());
      try {
        await provider.shutdown();
      } catch (error) {
        logger.warn('the last traces were lost', { error });
      } finally {
        timer.cancel();
      }
    },
  };
}
