// SPDX-License-Identifier: Apache-2.0
import type { LatencyPrediction } from '../../../attributes/latency-predictions.ts';

export interface HeadroomOptions {
  /** What headroom to the first token weighs. */
  readonly ttftWeight: number;
  /** What headroom for further tokens weighs. */
  readonly tpotWeight: number;
  /** Whether the smallest or the greatest headroom scores best. */
  readonly headroomSelectionStrategy: 'least' | 'most';
}

/** Ranges below this are no range. */
const EPSILON_MS = 1e-9;
/** Scores come in hundredths, the lowest above 0. */
const STEPS = 100;

/**
 * Rates endpoints by what their predictions leave over: only the best group that is not empty gets anything. The
 * groups are: all objectives met (or nothing predicted), no request in flight, only later tokens late, only the first
 * token late, both late. Within a group headrooms are spread over [0, 1]; a deficit is always best when least.
 */
export function scoreHeadroom(
  predictions: readonly (LatencyPrediction | undefined)[],
  options: HeadroomOptions,
): Float64Array {
  const scores = new Float64Array(predictions.length);
  const { members, isLate } = bestGroup(predictions);
  const ttft = spread(members.map((i) => Math.abs(predictions[i]?.ttftHeadroomMs ?? 0)));
  const tpot = spread(members.map((i) => Math.abs(predictions[i]?.tpotHeadroomMs ?? 0)));
  const ttftShare = shareOfTtft(options, ttft.isFlat, tpot.isFlat);
  const most = !isLate && options.headroomSelectionStrategy === 'most';
  members.forEach((member, i) => {
    const combined = ttftShare * (ttft.at[i] ?? 0) + (1 - ttftShare) * (tpot.at[i] ?? 0);
    const steps = Math.trunc((most ? combined : 1 - combined) * STEPS) + 1;
    scores[member] = Math.min(1, steps / STEPS);
  });
  return scores;
}

interface Group {
  /** Places in the list of predictions. */
  readonly members: readonly number[];
  readonly isLate: boolean;
}

function bestGroup(predictions: readonly (LatencyPrediction | undefined)[]): Group {
  const groups: number[][] = [[], [], [], [], []];
  predictions.forEach((prediction, i) => groups[rankOf(prediction)]?.push(i));
  const rank = groups.findIndex((members) => members.length > 0);
  return { members: groups[rank] ?? [], isLate: rank > 0 };
}

function rankOf(prediction: LatencyPrediction | undefined): number {
  if (prediction === undefined) return 0;
  const { ttftHeadroomMs, tpotHeadroomMs, dispatchedRequests } = prediction;
  if (ttftHeadroomMs >= 0 && tpotHeadroomMs >= 0) return 0;
  if (dispatchedRequests === 0) return 1;
  if (ttftHeadroomMs >= 0) return 2;
  return tpotHeadroomMs >= 0 ? 3 : 4;
}

/** Values spread over [0, 1]; all in the middle where they do not differ. */
function spread(values: readonly number[]): { readonly at: readonly number[]; isFlat: boolean } {
  const min = Math.min(...values);
  const range = Math.max(...values) - min;
  const isFlat = !(range > EPSILON_MS);
  return { at: values.map((value) => (isFlat ? 0.5 : (value - min) / range)), isFlat };
}

/** A dimension in which the endpoints do not differ must not flatten the other one. */
function shareOfTtft(
  { ttftWeight, tpotWeight }: HeadroomOptions,
  ttftIsFlat: boolean,
  tpotIsFlat: boolean,
): number {
  if (ttftIsFlat !== tpotIsFlat) return ttftIsFlat ? 0 : 1;
  const sum = ttftWeight + tpotWeight;
  return sum > 0 ? ttftWeight / sum : 1;
}
