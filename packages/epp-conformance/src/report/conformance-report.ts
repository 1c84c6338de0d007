// SPDX-License-Identifier: Apache-2.0
import type { Level } from '../cases/conformance-case.ts';

/**
 * What came of a case. At the level `upstream-defect`, `better` is a case that holds and `as-upstream` one that does not.
 */
export type CaseOutcome = 'pass' | 'fail' | 'better' | 'as-upstream' | 'skipped';

export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  readonly result: CaseOutcome;
  /** The difference, or why it was skipped; empty where all is well. */
  readonly detail: string;
  readonly durationMs: number;
}

/** What a run has found out, as it is written to a file. */
export interface ConformanceReport {
  readonly tool: { readonly name: string; readonly version: string };
  /** The command or the address of the endpoint picker. */
  readonly subject: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
  /** Whether every case of level `must` that was judged holds, and at least one was. */
  readonly conforms: boolean;
  readonly summary: Readonly<Record<Level, LevelSummary>>;
  readonly cases: readonly CaseResult[];
}

export interface LevelSummary {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts results by level. */
export function summaryOf(cases: readonly CaseResult[]): ConformanceReport['summary'] {
  const of = (level: Level): LevelSummary => {
    const results = cases.filter((one) => one.level === level).map(({ result }) => result);
    const count = (...outcomes: readonly CaseOutcome[]) =>
      results.filter((result) => outcomes.includes(result)).length;
    return {
      passed: count('pass', 'better'),
      failed: count('fail', 'as-upstream'),
      skipped: count('skipped'),
    };
  };
  return { must: of('must'), should: of('should'), 'upstream-defect': of('upstream-defect') };
}

/** Whether results of this kind mean conformance. */
export const conformsWith = ({ must }: ConformanceReport['summary']): boolean =>
  must.failed === 0 && must.passed > 0;
