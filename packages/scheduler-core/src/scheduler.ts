// SPDX-License-Identifier: Apache-2.0
import type { Histogram } from '@llm-d/telemetry';
import type { OwnCycle, SchedulingCycle } from './cycle.ts';
import type { Endpoint } from './endpoint.ts';
import type { Filter, Picker, ProfileHandler, Scorer } from './plugin-contracts.ts';
import type { MeasuredPoint, PluginDurations } from './plugin-durations.ts';
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
  /** Name of the handler where its turns are shown. Default `profile-handler`. */
  readonly handlerName?: string;
  /** Measures every plugin's turns. Default nothing is measured. */
  readonly durations?: PluginDurations | undefined;
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
  const { handler, handlerName = 'profile-handler', durations } = options;
  const profiles = new Map(
    options.profiles.map((profile) => [profile.name, withTurns(profile, durations)]),
  );
  const names = [...profiles.keys()];
  const asking = turnOf('ProfilePicker', handlerName, durations);
  const concluding = turnOf('ProcessProfilesResults', handlerName, durations);
  return {
    schedule: (cycle, candidates) => {
      const outcomes = new Map<string, ProfileOutcome>();
      const notes: StageNote[] = [];
      const output = { attributes: cycle.attributes, notes };
      const stopwatch = durations && new Stopwatch(durations, cycle);
      for (;;) {
        const next = handler.next(cycle, names, outcomes, output);
        stopwatch?.lap(asking);
        if (next.length === 0) break;
        for (const name of next) {
          const profile = profiles.get(name);
          if (profile === undefined || outcomes.has(name)) {
            throw new Error(`the profile handler asked for profile ${name}, which cannot run now`);
          }
          outcomes.set(name, runProfile(profile, cycle, { candidates, stopwatch }));
        }
      }
      const outcome = conclude(handler, cycle, outcomes);
      stopwatch?.lap(concluding);
      return notes.length === 0 ? outcome : { ...outcome, notes };
    },
  };
}

/** A plugin at a place where it takes turns, and what they are counted in; nothing where nothing is measured. */
interface Turn {
  readonly point: MeasuredPoint;
  readonly plugin: string;
  readonly seconds: Histogram | undefined;
}

const turnOf = (
  point: MeasuredPoint,
  plugin: string,
  durations: PluginDurations | undefined,
): Turn => ({ point, plugin, seconds: durations?.of(point, plugin) });

/** A profile whose plugins know what their turns are counted in. */
interface MeasuredProfile {
  readonly name: string;
  readonly filters: readonly (Named<Filter> & { readonly turn: Turn })[];
  readonly scorers: readonly (WeightedScorer & { readonly turn: Turn })[];
  readonly picker: Named<Picker> & { readonly turn: Turn };
}

function withTurns(
  { name, filters, scorers, picker }: SchedulingProfile,
  durations: PluginDurations | undefined,
): MeasuredProfile {
  const taking = <P extends { readonly name: string }>(point: MeasuredPoint, plugin: P) => ({
    ...plugin,
    turn: turnOf(point, plugin.name, durations),
  });
  return {
    name,
    filters: filters.map((filter) => taking('Filter', filter)),
    scorers: scorers.map((scorer) => taking('Scorer', scorer)),
    picker: taking('Picker', picker),
  };
}

/** Turns follow one another, so that one reading of the clock ends the first and begins the second. */
class Stopwatch {
  readonly #durations: PluginDurations;
  readonly #cycle: OwnCycle;
  #startMs: number;

  constructor(durations: PluginDurations, cycle: OwnCycle) {
    this.#durations = durations;
    this.#cycle = cycle;
    this.#startMs = durations.clock.nowMs();
  }

  lap({ point, plugin, seconds }: Turn): void {
    const startMs = this.#startMs;
    const endMs = this.#durations.clock.nowMs();
    this.#startMs = endMs;
    seconds?.observe((endMs - startMs) / 1000);
    this.#cycle.onRun?.({ point, plugin, startMs, endMs });
  }
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

const NO_TOTALS: readonly number[] = [];

function runProfile(
  profile: MeasuredProfile,
  cycle: SchedulingCycle,
  { candidates, stopwatch }: ProfileInput,
): ProfileOutcome {
  const filters: FilterTrace[] = [];
  let kept = candidates;
  for (const { name, plugin, turn } of profile.filters) {
    if (kept.length === 0) break;
    kept = plugin.filter(cycle, kept);
    filters.push({ plugin: name, kept });
    stopwatch?.lap(turn);
  }
  const outcome = { profile: profile.name, candidates, filters, scored: kept };
  if (kept.length === 0) return { ...outcome, scorers: [], totals: NO_TOTALS, picked: [] };

  // A typed array of this size would cost ten times as much, for its memory lies outside of the heap.
  const totals = new Array<number>(kept.length).fill(0);
  const scorers: ScorerTrace[] = [];
  for (const { name, plugin, weight, turn } of profile.scorers) {
    const raw = plugin.score(cycle, kept);
    scorers.push({ plugin: name, weight, raw });
    for (let i = 0; i < totals.length; i++) {
      totals[i] = (totals[i] ?? 0) + weight * clampScore(raw[i]);
    }
    stopwatch?.lap(turn);
  }
  const picked = profile.picker.plugin.pick(cycle, { endpoints: kept, totals });
  stopwatch?.lap(profile.picker.turn);
  return { ...outcome, scorers, totals, picked };
}

interface ProfileInput {
  readonly candidates: readonly Endpoint[];
  readonly stopwatch: Stopwatch | undefined;
}

/** A score as it counts: within [0, 1], with NaN and missing ones as 0. */
export function clampScore(raw: number | undefined): number {
  if (raw === undefined || !(raw > 0)) return 0;
  return raw < 1 ? raw : 1;
}
