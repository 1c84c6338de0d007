// SPDX-License-Identifier: Apache-2.0
import type { Admitter, Endpoint, Named, SchedulingCycle, Screener } from '@llm-d/scheduler-core';
import { noEndpoints, saturated, type Refusal } from './refusal.ts';

export interface AdmissionPlugins {
  readonly screeners: readonly Named<Screener>[];
  readonly admitters: readonly Named<Admitter>[];
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
}: AdmissionPlugins): (
  cycle: SchedulingCycle,
  candidates: readonly Endpoint[],
  attempt: number,
) => Admitted {
  return (cycle, given, attempt) => {
    let candidates = given;
    for (const { name, plugin } of screeners) {
      const kept = new Set(plugin.screen(cycle, given));
      candidates = candidates.filter((endpoint) => kept.has(endpoint));
      if (candidates.length === 0) return noEndpoints(`${name} left no endpoint`);
    }
    if (attempt > 1) return { kind: 'admitted', candidates };
    for (const { name, plugin } of admitters) {
      const admission = plugin.admit(cycle, candidates);
      if (admission.admitted) continue;
      return { ...saturated(`${name}: ${admission.message}`), status: admission.status };
    }
    return { kind: 'admitted', candidates };
  };
}
