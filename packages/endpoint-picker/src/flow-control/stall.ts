// SPDX-License-Identifier: Apache-2.0
import type { ResolvedConfig } from '@llm-d/scheduler-core';

/** Parameters of `utilization-detector` that decide what it takes for full. */
interface Believes {
  readonly metricsStalenessThreshold: number;
  readonly stalenessPolicy: 'saturated' | 'ignore';
}

/**
 * Why flow control will hold requests back though the engines have room, or undefined: its detector believes metrics for
 * less time than it takes to get new ones. `scrapeIntervalMs` is undefined where nobody gets any.
 */
export function stallOf(
  config: Pick<ResolvedConfig, 'flowControl' | 'plugins' | 'saturationDetector'>,
  scrapeIntervalMs: number | undefined,
): string | undefined {
  const detector = config.plugins.find(({ name }) => name === config.saturationDetector);
  if (config.flowControl === undefined || detector?.type !== 'utilization-detector') {
    return undefined;
  }
  // Resolved parameters are the output of the type's schema.
  const { metricsStalenessThreshold, stalenessPolicy } = detector.parameters as Believes;
  if (stalenessPolicy === 'ignore') return undefined;
  if (scrapeIntervalMs === undefined) {
    return `${detector.name} takes every endpoint for full: nobody scrapes the engines' metrics`;
  }
  if (scrapeIntervalMs <= metricsStalenessThreshold) return undefined;
  return `${detector.name} takes endpoints for full between two scrapes: metrics come every ${scrapeIntervalMs} ms and count for ${metricsStalenessThreshold} ms`;
}
