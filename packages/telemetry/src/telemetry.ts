// SPDX-License-Identifier: Apache-2.0
import { noopLogger, type Logger } from './logger.ts';
import { noopMetrics, type Metrics } from './metrics.ts';
import { noopTracer, type Tracer } from './tracer.ts';

/** Everything a part of the system may say about itself. */
export interface Telemetry {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly tracer: Tracer;
}

/** Says nothing; the default of every library. */
export const noopTelemetry: Telemetry = {
  logger: noopLogger,
  metrics: noopMetrics,
  tracer: noopTracer,
};
