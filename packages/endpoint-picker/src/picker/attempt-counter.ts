// SPDX-License-Identifier: Apache-2.0
import type { SchedulingResult } from '@llm-d/scheduler-core';
import type { Counter, Metrics } from '@llm-d/telemetry';
import { schedulerAttemptsTotal } from '../metric-definitions/picker-series.ts';
import { createKnownValues } from './known-values.ts';
import type { Refusal } from './refusal.ts';

/** Counts scheduling attempts by outcome and chosen endpoint, with a bound on model names. */
export function createAttemptCounter(
  metrics: Metrics,
): (targetModel: string, verdict: SchedulingResult | Refusal) => void {
  const boundModel = createKnownValues();
  const counters = new Map<string, Counter>();
  return (targetModel, verdict) => {
    const model = boundModel(targetModel);
    const chosen = verdict.kind === 'scheduled' ? verdict.endpoints[0] : undefined;
    const key = `${model}\n${chosen?.id ?? ''}`;
    let counter = counters.get(key);
    if (counter === undefined) {
      counter = metrics.counter(schedulerAttemptsTotal, {
        status: chosen === undefined ? 'failure' : 'success',
        target_model_name: model,
        endpoint_name: chosen?.name ?? '',
        namespace: chosen?.namespace ?? '',
        port: chosen === undefined ? '' : String(chosen.port),
      });
      counters.set(key, counter);
    }
    counter.inc();
  };
}
