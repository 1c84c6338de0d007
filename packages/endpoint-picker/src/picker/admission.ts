// SPDX-License-Identifier: Apache-2.0
import type {
  Admitter,
  Endpoint,
  Named,
  PluginDurations,
  SchedulingCycle,
  Screener,
} from '@llm-d/scheduler-core';
import { noEndpoints, saturated, type Refusal } from './refusal.ts';

export interface AdmissionPlugins {
  readonly screeners: readonly Named<Screener>[];
  readonly admitters: readonly Named<Admitter>[];
  readonly durations: PluginDurations;
}

/** The candidates that may be scheduled, or why there is nothing to schedule. */
export type Admitted =
  Refusal | { readonly kind: 'admitted'; readonly candidates: readonly Endpoint[] };

/**
 * Screens the candidates and asks the admitters, in the order of the configuration; the first refusal counts. A request
 * that is tried again was admitted before and is not asked for again.
 */
export function createAdmission({
  screeners,
  admitters,
  durations,
}: AdmissionPlugins): (
  cycle: SchedulingCycle,
  candidates: readonly Endpoint[],
  attempt: number,
) => Admitted {
  const { clock } = durations;
  const screening = screeners.map((screener) => ({
    ...screener,
    seconds: durations.of('Screener', screener.name),
  }));
  const admitting = admitters.map((admitter) => ({
    ...admitter,
    seconds: durations.of('Admission', admitter.name),
  }));
  return (cycle, given, attempt) => {
    let candidates = given;
    for (const { name, plugin, seconds } of screening) {
      const startMs = clock.nowMs();
      const kept = new Set(plugin.screen(cycle, given));
      seconds.observe((clock.nowMs() - startMs) / 1000);
      candidates = candidates.filter((endpoint) => kept.has(endpoint));
      if (candidates.length === 0) return noEndpoints(`${name} left no endpoint`);
    }
    if (attempt > 1) return { kind: 'admitted', candidates };
    for (const { name, plugin, seconds } of admitting) {
      const startMs = clock.nowMs();
      const admission = plugin.admit(cycle, candidates);
      seconds.observe((clock.nowMs() - startMs) / 1000);
      if (admission.admitted) continue;
      return { ...saturated(`${name}: ${admission.message}`), status: admission.status };
    }
    return { kind: 'admitted', candidates };
  };
}
