// SPDX-License-Identifier: Apache-2.0
import { systemRandom, type Clock } from '@llm-d/determinism';
import {
  createConditionalDecode,
  createRequestRoutes,
  createRewriteCounter,
  type RequestPolicyHolder,
  type RunningPicker,
} from '@llm-d/endpoint-picker';
import type { ResolvedConfig } from '@llm-d/scheduler-core';
import type { Logger, Metrics } from '@llm-d/telemetry';
import { randomUUID } from 'node:crypto';
import type { EppOptions } from '../options.ts';
import { createDebugGate } from './debug-header.ts';
import { honouredHeadersOf } from './honoured-headers.ts';
import { createProcessor, type Processor } from './processor.ts';
import type { SessionContext } from './session-context.ts';
import { createStreamMetrics } from './stream-metrics.ts';

export interface ProcessorParts {
  readonly running: RunningPicker;
  readonly policies: RequestPolicyHolder;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A processor for a running endpoint picker, as options and configuration want it. */
export function startProcessor(options: EppOptions, parts: ProcessorParts): Processor {
  const { running, policies, clock, logger, metrics } = parts;
  const mayDebug = createDebugGate(options.debugSecret);
  const countRewrite = createRewriteCounter(metrics);
  const contextFor = (config: ResolvedConfig): SessionContext => ({
    picker: running.picker,
    policies,
    routeOf: createRequestRoutes(parserTypes(config)),
    conditionalDecode: createConditionalDecode(config.producers),
    countRewrite,
    settings: { ...options, honouredHeaders: honouredHeadersOf(config) },
    clock,
    random: systemRandom,
    logger,
    mayDebug,
    newId: randomUUID,
  });
  let latest = { config: running.config, context: contextFor(running.config) };
  const contextNow = (): SessionContext => {
    const { config } = running;
    if (config !== latest.config) latest = { config, context: contextFor(config) };
    return latest.context;
  };
  return createProcessor(
    contextNow,
    options.measuresStreams ? createStreamMetrics(metrics, clock) : undefined,
  );
}

/** Types of the parsers in the order in which they are asked. */
export const parserTypes = ({ parsers, plugins }: ResolvedConfig): readonly string[] =>
  parsers.flatMap((name) => plugins.find((plugin) => plugin.name === name)?.type ?? []);
