// SPDX-License-Identifier: Apache-2.0
import type { OwnCycle, SchedulingCycle } from './cycle.ts';
import type { Endpoint } from './endpoint.ts';
import type { Filter, Picker, ProfileHandler, Scorer } from './plugin-contracts.ts';
import type {
  FilterTrace,
  ProfileOutcome,
  SchedulingOutcome,
  ScorerTrace,
  StageNote,
} from './scheduling-result.ts';

/** A plugin instance under the name that configuration and decision records use. */
export interface Named<P> {
  readonly name: string;
  readonly plugin: P;
}

/** A scorer and what its vote weighs. Weights may be any finite number; a negative one repels. */
export interface WeightedScorer extends Named<Scorer> {
  readonly weight: number;
}

/** One way from candidates to a choice: filters in order, then the weighted scorers, then the picker. */
export interface SchedulingProfile {
  readonly name: string;
  readonly filters: readonly Named<Filter>[];
  readonly scorers: readonly WeightedScorer[];
  readonly picker: Named<Picker>;
}

export interface SchedulerOptions {
  /** At least one; names are unique. */
  readonly profiles: readonly SchedulingProfile[];
  readonly handler: ProfileHandler;
}

/** Places requests. Holds no state of its own; its plugins may. */
export interface Scheduler {
  /**
   * Decides synchronously where a request goes. Candidates are not changed. An exception of a plugin
   * passes through: a plugin that throws here is broken.
   */
  schedule(cycle: OwnCycle, candidates: readonly Endpoint[]): SchedulingOutcome;
}

/** Builds a scheduler out of settled profiles. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  const profiles = new Map(options.profiles.map((profile) => [profile.name, profile]));
  const names = [...profiles.keys()];
  const { handler } = options;
  return {
    schedule: (cycle, candidates) => {
      const outcomes = new Map<string, ProfileOutcome>();
      const notes: StageNote[] = [];
      const output = { attributes: cycle.attributes, notes };
      for (;;) {
        const next = handler.next(cycle, names, outcomes, output);
        if (next.length === 0) break;
        for (const name of next) {
          const profile = profiles.get(name);
          if (profile === undefined || outcomes.has(name)) {
            throw new Error(`the profile handler asked for profile ${name}, which cannot run now`);
          }
          outcomes.set(name, runProfile(profile, cycle, candidates));
        }
      }
      const outcome = conclude(handler, cycle, outcomes);
      return notes.length === 0 ? outcome : { ...outcome, notes };
    },
  };
}

function conclude(
  handler: ProfileHandler,
  cycle: SchedulingCycle,
  outcomes: ReadonlyMap<string, ProfileOutcome>,
): SchedulingOutcome {
  const primary = handler.primary(cycle, outcomes);
  const outcome = outcomes.get(primary);
  const [first, ...others] = outcome?.picked ?? [];
  if (first === undefined) {
    const drained = outcome?.filters.at(-1);
    return {
      kind: 'no-endpoint',
      profile: primary,
      drainedBy: drained?.kept.length === 0 ? drained.plugin : undefined,
      outcomes,
    };
  }
  const at = (endpoint: Endpoint): Endpoint => handler.destination?.(endpoint) ?? endpoint;
  return { kind: 'scheduled', primary, endpoints: [at(first), ...others.map(at)], outcomes };
}

const NO_TOTALS = new Float64Array(0);

function runProfile(
  profile: SchedulingProfile,
  cycle: SchedulingCycle,
  candidates: readonly Endpoint[],
): ProfileOutcome {
  const filters: FilterTrace[] = [];
  let kept = candidates;
  for (const { name, plugin } of profile.filters) {
    if (kept.length === 0) break;
    kept = plugin.filter(cycle, kept);
    filters.push({ plugin: name, kept });
  }
  const outcome = { profile: profile.name, candidates, filters, scored: kept };
  if (kept.length === 0) return { ...outcome, scorers: [], totals: NO_TOTALS, picked: [] };

  const totals = new Float64Array(kept.length);
  const scorers: ScorerTrace[] = [];
  for (const { name, plugin, weight } of profile.scorers) {
    const raw = plugin.score(cycle, kept);
    scorers.push({ plugin: name, weight, raw });
    for (let i = 0; i < totals.length; i++) {
      totals[i] = (totals[i] ?? 0) + weight * clampScore(raw[i]);
    }
  }
  const picked = profile.picker.plugin.pick(cycle, { endpoints: kept, totals });
  return { ...outcome, scorers, totals, picked };
}

/** A score as it counts: within [0, 1], with NaN and missing ones as 0. */
export function clampScore(raw: number | undefined): number {
  if (raw === undefined || !(raw > 0)) return 0;
  return raw < 1 ? raw : 1;
}
