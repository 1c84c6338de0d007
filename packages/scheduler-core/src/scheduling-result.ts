// SPDX-License-Identifier: Apache-2.0
import type { Endpoint } from './endpoint.ts';

/** What one filter did. */
export interface FilterTrace {
  readonly plugin: string;
  readonly kept: readonly Endpoint[];
}

/** What one scorer said, in step with {@link ProfileOutcome.scored}. */
export interface ScorerTrace {
  readonly plugin: string;
  readonly weight: number;
  /** As returned, before clamping and weighting. */
  readonly raw: ArrayLike<number>;
}

/** How one profile came to its choice: everything needed to explain it, kept by reference. */
export interface ProfileOutcome {
  readonly profile: string;
  readonly candidates: readonly Endpoint[];
  /** In order of execution; the last one of a failed profile kept nothing. */
  readonly filters: readonly FilterTrace[];
  /** Candidates that passed all filters. Empty for a failed profile. */
  readonly scored: readonly Endpoint[];
  readonly scorers: readonly ScorerTrace[];
  /** Weighted sums, in step with `scored`. */
  readonly totals: readonly number[];
  /** The choice, best first; empty for a failed profile. */
  readonly picked: readonly Endpoint[];
}

/** Why a profile handler ran a stage or left it out. */
export interface StageNote {
  /** Name of the stage's profile. */
  readonly profile: string;
  readonly runs: boolean;
  /** Plugin that decided; absent where it was the handler itself. */
  readonly decider?: string;
  /** For people, with the numbers that decided. */
  readonly reason: string;
}

/** A request found its place. */
export interface SchedulingResult {
  readonly kind: 'scheduled';
  /** Profile that gave the destination. */
  readonly primary: string;
  /** The destination and its fall-backs; never empty. */
  readonly endpoints: readonly [Endpoint, ...Endpoint[]];
  /** Of all profiles that ran, by name, in order. */
  readonly outcomes: ReadonlyMap<string, ProfileOutcome>;
  /** What the profile handler had to say. Absent where that is nothing. */
  readonly notes?: readonly StageNote[];
}

/** No endpoint is eligible: an outcome, not an error. */
export interface NoEndpoint {
  readonly kind: 'no-endpoint';
  /** Primary profile that came to nothing. */
  readonly profile: string;
  /** Filter that dropped the last candidate; undefined where there was none to begin with. */
  readonly drainedBy: string | undefined;
  readonly outcomes: ReadonlyMap<string, ProfileOutcome>;
  /** What the profile handler had to say. Absent where that is nothing. */
  readonly notes?: readonly StageNote[];
}

export type SchedulingOutcome = SchedulingResult | NoEndpoint;
