// SPDX-License-Identifier: Apache-2.0
import type { Logger } from './logger.ts';
import type { Timers } from './otlp-exporter.ts';
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

/**
 * Starts tracing through OpenTelemetry's SDK: spans continue the caller's W3C trace context, whose decision to sample is
 * followed; of the others a share is sampled. Registers nothing globally. Whatever happens to the spans, whoever makes
 * them never notices.
 */
export async function startTracing(options: TracingOptions): Promise<Tracing> {
  // The SDK is large: programs that trace nothing shall not load it.
  const { startSdk } = await import('./otlp-sdk.ts');
  return startSdk(options);
}
