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
import { createOpenTelemetryTracer } from './opentelemetry.ts';
import { OtlpExporter } from './otlp-exporter.ts';
import type { Tracing, TracingOptions } from './otlp.ts';

/** Name of what makes the spans, as llm-d's router has it. */
const SCOPE = 'llm-d-router';

/** What `startTracing` of otlp.ts promises, with OpenTelemetry's SDK loaded. */
export function startSdk(options: TracingOptions): Tracing {
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
