// SPDX-License-Identifier: Apache-2.0
import { clampScore } from './scheduler.ts';
import type { ProfileOutcome, SchedulingOutcome, StageNote } from './scheduling-result.ts';

/** What one scorer said about one endpoint. */
export interface ScoreExplanation {
  readonly plugin: string;
  readonly weight: number;
  /** As returned; null where that was not a finite number. */
  readonly raw: number | null;
  /** As it counts, within [0, 1]. */
  readonly clamped: number;
  /** Its part of the total. */
  readonly weighted: number;
}

/** How one endpoint that passed the filters was rated. */
export interface EndpointExplanation {
  readonly endpoint: string;
  readonly total: number;
  /** In the profile's order of scorers. */
  readonly scores: readonly ScoreExplanation[];
}

/** Why the first choice won. The runner-up is the best-rated of the others. */
export type Verdict =
  | { readonly kind: 'only-candidate' }
  /** The scorer with the greatest advantage for the choice over the runner-up. */
  | {
      readonly kind: 'scorer';
      readonly plugin: string;
      readonly advantage: number;
      readonly runnerUp: string;
      readonly margin: number;
    }
  /** Equal totals: the picker broke the tie. */
  | { readonly kind: 'tie'; readonly runnerUp: string; readonly margin: 0 }
  /** The picker chose one that was not rated best. */
  | { readonly kind: 'picker'; readonly runnerUp: string; readonly margin: number };

/** How one profile came to its choice; endpoints by id. */
export interface ProfileExplanation {
  readonly profile: string;
  readonly candidates: readonly string[];
  /** What each filter that ran dropped, in order. */
  readonly filters: readonly { readonly plugin: string; readonly dropped: readonly string[] }[];
  /** Best total first. */
  readonly rated: readonly EndpointExplanation[];
  readonly picked: readonly string[];
  /** Absent where the profile chose nothing. */
  readonly verdict?: Verdict;
}

/** A decision in words and numbers: plain data for JSON. */
export interface DecisionExplanation {
  readonly kind: SchedulingOutcome['kind'];
  /** Profile that gave, or should have given, the destination. */
  readonly primary: string;
  /** The destination and its fall-backs; empty where there is none. */
  readonly endpoints: readonly string[];
  /** Filter that dropped the last candidate. Absent where there was none or it went well. */
  readonly drainedBy?: string;
  /** Which further stages were run or left out, and why. Absent where the profile handler had no choice. */
  readonly stages?: readonly StageNote[];
  readonly profiles: readonly ProfileExplanation[];
}

/** Explains an outcome. Costs far more than the decision did: call it when somebody asks. */
export function explainDecision(outcome: SchedulingOutcome): DecisionExplanation {
  const stages = outcome.notes === undefined ? undefined : { stages: outcome.notes };
  const profiles = [...outcome.outcomes.values()].map(explainProfile);
  const rest = { ...stages, profiles };
  if (outcome.kind === 'scheduled') {
    const { kind, primary, endpoints } = outcome;
    return { kind, primary, endpoints: idsOf(endpoints), ...rest };
  }
  const drained = outcome.drainedBy === undefined ? undefined : { drainedBy: outcome.drainedBy };
  return { kind: outcome.kind, primary: outcome.profile, endpoints: [], ...drained, ...rest };
}

const idsOf = (endpoints: readonly { readonly id: string }[]): string[] =>
  endpoints.map(({ id }) => id);

function explainProfile(outcome: ProfileOutcome): ProfileExplanation {
  const rated = explainEndpoints(outcome).toSorted((a, b) => b.total - a.total);
  const verdict = judge(outcome.picked[0]?.id, rated);
  return {
    profile: outcome.profile,
    candidates: idsOf(outcome.candidates),
    filters: explainFilters(outcome),
    rated,
    picked: idsOf(outcome.picked),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

function explainFilters({ candidates, filters }: ProfileOutcome): ProfileExplanation['filters'] {
  let before = candidates;
  return filters.map(({ plugin, kept }) => {
    const remaining = new Set(kept);
    const dropped = idsOf(before.filter((endpoint) => !remaining.has(endpoint)));
    before = kept;
    return { plugin, dropped };
  });
}

function explainEndpoints({ scored, scorers, totals }: ProfileOutcome): EndpointExplanation[] {
  return scored.map(({ id }, i) => ({
    endpoint: id,
    total: totals[i] ?? 0,
    scores: scorers.map(({ plugin, weight, raw }) => {
      const value = raw[i];
      const clamped = clampScore(value);
      return {
        plugin,
        weight,
        raw: value !== undefined && Number.isFinite(value) ? value : null,
        clamped,
        weighted: weight * clamped,
      };
    }),
  }));
}

function judge(
  choice: string | undefined,
  rated: readonly EndpointExplanation[],
): Verdict | undefined {
  const winner = rated.find(({ endpoint }) => endpoint === choice);
  if (winner === undefined) return undefined;
  const second = rated.find((other) => other !== winner);
  if (second === undefined) return { kind: 'only-candidate' };
  const margin = winner.total - second.total;
  const runnerUp = second.endpoint;
  if (margin < 0) return { kind: 'picker', runnerUp, margin };
  const [decisive] = winner.scores
    .map(({ plugin, weighted }, i) => ({
      plugin,
      advantage: weighted - (second.scores[i]?.weighted ?? 0),
    }))
    .sort((a, b) => b.advantage - a.advantage);
  if (margin === 0 || decisive === undefined) return { kind: 'tie', runnerUp, margin: 0 };
  return { kind: 'scorer', ...decisive, runnerUp, margin };
}
