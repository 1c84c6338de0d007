// SPDX-License-Identifier: Apache-2.0
import { clampScore, type ProfileOutcome, type SchedulingOutcome } from '@llm-d/scheduler-core';
import type { SpanAttributes } from '@llm-d/telemetry';
import type { DecisionRecord } from '../picker/decision-log.ts';

/**
 * A decision as the attributes of a span's event: who was chosen, by how much over whom, and what each scorer gave for
 * it. Ids and numbers only; never prompt text. Far cheaper than the whole explanation, because every traced request
 * pays for it.
 */
export function describeDecision(record: DecisionRecord): SpanAttributes {
  const { attempt, waitedMs, promptTokens, flow, refusal, outcome } = record;
  return {
    attempt,
    waited_ms: waitedMs,
    ...(promptTokens !== undefined && { prompt_tokens: promptTokens }),
    ...(flow !== undefined && { flow_outcome: flow.outcome, flow_waited_ms: flow.waitedMs }),
    ...(refusal !== undefined && { refused: refusal.message }),
    ...(outcome !== undefined && ofOutcome(outcome)),
  };
}

function ofOutcome(outcome: SchedulingOutcome): SpanAttributes {
  const isPlaced = outcome.kind === 'scheduled';
  const primary = isPlaced ? outcome.primary : outcome.profile;
  const profile = outcome.outcomes.get(primary);
  return {
    profile: primary,
    candidates: profile?.candidates.length ?? 0,
    ...(isPlaced && { endpoint: outcome.endpoints[0].id }),
    ...(!isPlaced && outcome.drainedBy !== undefined && { drained_by: outcome.drainedBy }),
    ...(profile !== undefined && ofChoice(profile)),
  };
}

/** How the first choice stands against the best-rated of the others. */
function ofChoice({ scored, scorers, totals, picked }: ProfileOutcome): SpanAttributes {
  const chosen = scored.findIndex((endpoint) => endpoint === picked[0]);
  if (chosen < 0) return {};
  let second = -1;
  for (let i = 0; i < totals.length; i++) {
    if (i !== chosen && (second < 0 || (totals[i] ?? 0) > (totals[second] ?? 0))) second = i;
  }
  const total = totals[chosen] ?? 0;
  const runnerUp = scored[second];
  const contributions: Record<string, number> = {};
  for (const { plugin, weight, raw } of scorers) {
    contributions[`score.${plugin}`] = weight * clampScore(raw[chosen]);
  }
  return {
    total,
    ...contributions,
    ...(runnerUp !== undefined && {
      runner_up: runnerUp.id,
      margin: total - (totals[second] ?? 0),
    }),
  };
}
