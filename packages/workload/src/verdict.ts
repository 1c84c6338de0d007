// SPDX-License-Identifier: Apache-2.0
import { formatSeconds } from './comparison.ts';
import type { BenchmarkReport, ReportArm } from './report-schema.ts';

/**
 * One sentence for each other arm: how the mean time to first token of `subject` stands to it, for better or for worse, and whether
 * the confidence intervals overlap. Empty when the report has no such arm or nothing to compare it with.
 */
export function verdicts(report: BenchmarkReport, subject: string): readonly string[] {
  const own = report.arms.find(({ name }) => name === subject);
  if (own === undefined) return [];
  return report.arms
    .filter((arm) => arm !== own)
    .flatMap((other) => {
      const sentence = compare(own, other);
      return sentence === undefined ? [] : [sentence];
    });
}

function compare(own: ReportArm, other: ReportArm): string | undefined {
  const mine = meanTtft(own);
  const theirs = meanTtft(other);
  if (mine === undefined || theirs === undefined) return undefined;
  const figures = `Mean TTFT: ${own.name} ${formatSeconds(mine)}, ${other.name} ${formatSeconds(theirs)}`;
  if (mine === theirs) return `${figures}.`;
  const [slower, factor] = mine > theirs ? [own.name, mine / theirs] : [other.name, theirs / mine];
  const doubt = overlap(own, other) ? ' (the confidence intervals overlap)' : '';
  return `${figures}; ${slower} takes ${factor.toFixed(2)} times as long${doubt}.`;
}

const meanTtft = (arm: ReportArm): number | undefined =>
  arm.results.request_performance.aggregate.latency.time_to_first_token?.mean;

function overlap(a: ReportArm, b: ReportArm): boolean {
  const mine = a.time_to_first_token_mean_ci95;
  const theirs = b.time_to_first_token_mean_ci95;
  return (
    mine !== undefined && theirs !== undefined && mine.low <= theirs.high && theirs.low <= mine.high
  );
}

/** A client later than this at the 99th percentile is too busy to be trusted. */
const TRUSTED_LAG_S = 0.1;

/** One sentence for each reason to doubt the figures of an arm; empty when there is none. */
export function cautions(report: BenchmarkReport): readonly string[] {
  return report.arms.flatMap(({ name, client_lag: lag, failures_by_kind: failures }) => {
    const found: string[] = [];
    if (lag?.p99 !== undefined && lag.p99 > TRUSTED_LAG_S) {
      found.push(
        `${name}: the client was up to ${formatSeconds(lag.p99)} late (p99), which is in its latencies: the machine has too little room for it.`,
      );
    }
    if (failures.dropped !== undefined) {
      found.push(
        `${name}: requests not sent because too many were in flight: ${failures.dropped}; it was spared a part of the load.`,
      );
    }
    return found;
  });
}
