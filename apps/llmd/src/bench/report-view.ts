// SPDX-License-Identifier: Apache-2.0
import {
  cautions,
  comparisonTable,
  PREFIX_TABLE_CAPTION,
  prefixTable,
  verdicts,
  type BenchmarkReport,
  type ComparisonTable,
  type RunResult,
} from '@llm-d/workload';
import Table from 'cli-table3';
import { createColors } from 'picocolors';

/** How a report is drawn on a terminal. */
export interface ReportViewOptions {
  /** Whether to use colours. */
  readonly color: boolean;
  /** The arm that is compared with each other one in words. Default `default`, else `precise`. */
  readonly subject?: string;
}

/** The table of the arms, best figures in green, and below it the comparison in words. */
export function drawReport(report: BenchmarkReport, options: ReportViewOptions): string {
  const colors = createColors(options.color);
  const prefixes = prefixTable(report);
  const sentences = verdicts(report, options.subject ?? subjectOf(report));
  const doubts = cautions(report).map((sentence) => colors.yellow(sentence));
  return [
    drawComparison(comparisonTable(report, { brief: true }), options),
    ...sentences,
    ...doubts,
    ...(prefixes === undefined
      ? []
      : ['', drawComparison(prefixes, options), colors.dim(PREFIX_TABLE_CAPTION)]),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** The arm that is compared with each other one in words: `default`, else `precise`. */
export const subjectOf = ({ arms }: BenchmarkReport): string =>
  ['default', 'precise'].find((name) => arms.some((arm) => arm.name === name)) ?? 'default';

function drawComparison(
  { columns, rows }: ComparisonTable,
  options: Pick<ReportViewOptions, 'color'>,
): string {
  const colors = createColors(options.color);
  const table = new Table({
    head: columns.map((column) => colors.bold(column)),
    colAligns: columns.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  });
  for (const { arm, cells } of rows) {
    table.push([arm, ...cells.map(({ text, best }) => (best ? colors.green(text) : text))]);
  }
  return table.toString();
}

const SHOWN_FAILURES = 3;

/** The most frequent failures of a run, a line each. */
export function failureLines(result: RunResult): readonly string[] {
  const counts = new Map<string, number>();
  for (const { failure } of result.records) {
    if (!failure) continue;
    const text = `${failure.kind}: ${failure.message}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN_FAILURES)
    .map(([text, count]) => `${count} × ${text}`);
}
