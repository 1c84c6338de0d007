// SPDX-License-Identifier: Apache-2.0
import { apiCases } from './apis.ts';
import { bodyCases } from './body.ts';
import { candidateCases } from './candidates.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { contractCases } from './contract.ts';
import { drainCases } from './drain.ts';
import { errorCases } from './errors.ts';
import { headerCases } from './headers.ts';
import { healthCases } from './health.ts';
import { metricsCases } from './metrics.ts';
import { modelCases } from './model.ts';
import { responseCases } from './response.ts';
import { robustnessCases } from './robustness.ts';
import { routingCases } from './routing.ts';
import { selectionCases } from './selection.ts';
import { transportCases } from './transport.ts';

/** Every case there is, by topic. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...routingCases,
  ...headerCases,
  ...bodyCases,
  ...apiCases,
  ...modelCases,
  ...candidateCases,
  ...selectionCases,
  ...errorCases,
  ...responseCases,
  ...robustnessCases,
  ...transportCases,
  ...contractCases,
  ...healthCases,
  ...metricsCases,
  ...drainCases,
];

/**
 * Cases whose id matches one of the patterns: an id, or one with `*` for anything. Without patterns all. Throws where a
 * pattern matches none.
 */
export function selectCases(
  patterns: readonly string[],
  cases: readonly ConformanceCase[] = conformanceCases,
): readonly ConformanceCase[] {
  if (patterns.length === 0) return cases;
  const matchers = patterns.map((pattern) => ({ pattern, matches: matcherOf(pattern) }));
  for (const { pattern, matches } of matchers) {
    if (!cases.some(({ id }) => matches(id))) throw new Error(`no case matches ${pattern}`);
  }
  return cases.filter(({ id }) => matchers.some(({ matches }) => matches(id)));
}

/** A topic alone stands for all of its cases. */
function matcherOf(pattern: string): (id: string) => boolean {
  const escaped = pattern.split('*').map((piece) => piece.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const whole = new RegExp(`^${escaped.join('.*')}$`);
  return (id) => whole.test(id) || id.startsWith(`${pattern}.`);
}
