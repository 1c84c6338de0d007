// SPDX-License-Identifier: Apache-2.0
import type {
  PluginRun,
  ProfileOutcome,
  SchedulingOutcome,
  ScorerTrace,
} from '@llm-d/scheduler-core';
import type { Span, SpanAttributes } from '@llm-d/telemetry';
import type { DecisionRecord } from '../picker/decision-log.ts';

export interface SchedulingSpansOptions {
  /** What ran, in order, timed in milliseconds since the Unix epoch. */
  readonly runs: readonly PluginRun[];
  readonly record: Pick<DecisionRecord, 'requestId' | 'targetModel'>;
  readonly typeOf: (plugin: string) => string;
}

/** Endpoints that a pick shows with their totals. */
const SHOWN_ENDPOINTS = 5;

/**
 * Adds what happened while a request was scheduled, under llm-d's names: a span for every profile, in it one each for
 * filtering, scoring (with one for every scorer) and picking. Made after the event: a decision is too short to be watched.
 */
export function addSchedulingSpans(
  parent: Span,
  { outcomes }: SchedulingOutcome,
  { runs, record, typeOf }: SchedulingSpansOptions,
): void {
  const request: SpanAttributes = {
    'gen_ai.request.model': record.targetModel,
    'gen_ai.request.id': record.requestId,
  };
  // Turns are told in the order in which they were taken, so each profile's stand together.
  const turns = runs.filter(({ point }) => IN_PROFILE.has(point));
  let at = 0;
  const take = (count: number): readonly PluginRun[] => turns.slice(at, (at += count));
  for (const outcome of outcomes.values()) {
    const filters = take(outcome.filters.length);
    const scorers = take(outcome.scorers.length);
    const picks = take(outcome.scored.length === 0 ? 0 : 1);
    const all = [...filters, ...scorers, ...picks];
    within(parent, 'run_scheduler_profile', all, (profile) => {
      profile.set({ 'llm_d.epp.scheduling.profile.name': outcome.profile });
      within(profile, 'filter_endpoints', filters, (span) => {
        span.set({ ...request, ...filtering(outcome) });
      });
      within(profile, 'llm_d.epp.scoring', scorers, (span) => {
        span.set({ ...request, ...scoring(outcome) });
        for (const [i, trace] of outcome.scorers.entries()) {
          const type = typeOf(trace.plugin);
          within(span, `llm_d.epp.scorer.${type}`, scorers.slice(i, i + 1), (scorer) => {
            scorer.set({ 'llm_d.epp.scorer.type': type, ...scored(trace, outcome.scored.length) });
          });
        }
      });
      within(profile, 'pick_endpoints', picks, (span) => {
        span.set(picking(outcome));
      });
    });
  }
}

const IN_PROFILE: ReadonlySet<PluginRun['point']> = new Set(['Filter', 'Scorer', 'Picker']);

/** A span over some turns; none where there were none. */
function within(
  parent: Span,
  name: string,
  turns: readonly PluginRun[],
  describe: (span: Span) => void,
): void {
  const [first] = turns;
  const last = turns.at(-1);
  if (first === undefined || last === undefined) return;
  const span = parent.child(name, { startEpochMs: first.startMs });
  describe(span);
  span.end(last.endMs);
}

const filtering = ({ candidates, scored: kept }: ProfileOutcome): SpanAttributes => ({
  'llm_d.epp.filter.candidate_endpoints': candidates.length,
  'llm_d.epp.filter.filtered_endpoints': kept.length,
});

const scoring = ({ scorers, scored: candidates }: ProfileOutcome): SpanAttributes => ({
  'llm_d.epp.scorer.count': scorers.length,
  'llm_d.epp.scoring.candidate_endpoints': candidates.length,
});

function scored({ plugin, weight, raw }: ScorerTrace, candidates: number): SpanAttributes {
  let count = 0;
  let sum = 0;
  let max = -Infinity;
  for (let i = 0; i < candidates; i++) {
    const score = raw[i] ?? Number.NaN;
    if (!Number.isFinite(score)) continue;
    count++;
    sum += score;
    if (score > max) max = score;
  }
  return {
    'llm_d.epp.scorer.name': plugin,
    'llm_d.epp.scorer.weight': weight,
    'llm_d.epp.scorer.candidate_endpoints': candidates,
    'llm_d.epp.scorer.endpoints_scored': count,
    ...(count > 0 && {
      'llm_d.epp.scorer.score.max': max,
      'llm_d.epp.scorer.score.avg': sum / count,
    }),
  };
}

function picking({ scored: candidates, totals }: ProfileOutcome): SpanAttributes {
  const best = highest(totals, SHOWN_ENDPOINTS);
  return {
    'llm_d.epp.picker.candidate_endpoints': candidates.length,
    'llm_d.epp.picker.top_endpoints': best.map((i) => candidates[i]?.id ?? ''),
    'llm_d.epp.picker.top_scores': best.map((i) => totals[i] ?? 0),
  };
}

/** Indices of the highest values, highest first. */
function highest(values: readonly number[], count: number): readonly number[] {
  const best: number[] = [];
  for (const [i, value] of values.entries()) {
    if (best.length === count && value <= (values[best.at(-1) ?? 0] ?? 0)) continue;
    const before = best.findIndex((other) => (values[other] ?? 0) < value);
    best.splice(before < 0 ? best.length : before, 0, i);
    if (best.length > count) best.pop();
  }
  return best;
}
