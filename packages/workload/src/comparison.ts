// SPDX-License-Identifier: Apache-2.0
import type { BenchmarkReport, ReportArm } from './report-schema.ts';

/** A figure of an arm as text. */
export interface ComparisonCell {
  readonly text: string;
  /** Whether no other arm has a better one; never set when all arms have the same. */
  readonly best: boolean;
}

/** The arms of a report side by side, ready to be drawn. */
export interface ComparisonTable {
  /** Titles with their units; the first one is of the arms' names. */
  readonly columns: readonly string[];
  readonly rows: readonly { readonly arm: string; readonly cells: readonly ComparisonCell[] }[];
}

/** One figure of the arms. */
export interface TableColumn {
  readonly title: string;
  /** Default: neither; no cell is the best. */
  readonly better?: 'lower' | 'higher';
  readonly value: (arm: ReportArm) => number | undefined;
  readonly text: (value: number) => string;
  /** Left out when no arm has the figure. */
  readonly optional?: true;
  /** Left out of the brief table. */
  readonly detail?: true;
}

const ttft = (arm: ReportArm) =>
  arm.results.request_performance.aggregate.latency.time_to_first_token;
const interToken = (arm: ReportArm) =>
  arm.results.request_performance.aggregate.latency.inter_token_latency;
const throughput = (arm: ReportArm) => arm.results.request_performance.aggregate.throughput;
const requests = (arm: ReportArm) => arm.results.request_performance.aggregate.requests;

const columns: readonly TableColumn[] = [
  { title: 'TTFT mean', better: 'lower', value: (arm) => ttft(arm)?.mean, text: formatSeconds },
  { title: 'p50', better: 'lower', value: (arm) => ttft(arm)?.p50, text: formatSeconds },
  {
    title: 'p90',
    better: 'lower',
    value: (arm) => ttft(arm)?.p90,
    text: formatSeconds,
    detail: true,
  },
  { title: 'p95', better: 'lower', value: (arm) => ttft(arm)?.p95, text: formatSeconds },
  { title: 'p99', better: 'lower', value: (arm) => ttft(arm)?.p99, text: formatSeconds },
  { title: 'ITL p50', better: 'lower', value: (arm) => interToken(arm)?.p50, text: formatSeconds },
  {
    title: 'ITL p99',
    better: 'lower',
    value: (arm) => interToken(arm)?.p99,
    text: formatSeconds,
    detail: true,
  },
  {
    title: 'hit rate',
    better: 'higher',
    value: (arm) => arm.prefix_cache?.hit_rate,
    text: formatShare,
    optional: true,
  },
  {
    title: 'imbalance',
    better: 'lower',
    value: (arm) => arm.endpoints?.token_imbalance,
    text: (value) => value.toFixed(2),
    optional: true,
  },
  {
    title: 'goodput',
    better: 'higher',
    value: (arm) => arm.goodput?.share,
    text: formatShare,
    optional: true,
  },
  {
    title: 'req/s',
    better: 'higher',
    value: (arm) => throughput(arm).request_rate.mean,
    text: (value) => value.toFixed(2),
  },
  {
    title: 'out tok/s',
    better: 'higher',
    value: (arm) => throughput(arm).output_token_rate.mean,
    text: (value) => value.toFixed(0),
    detail: true,
  },
  {
    title: 'failed',
    better: 'lower',
    value: (arm) => requests(arm).failures + requests(arm).incomplete,
    text: (value) => value.toFixed(0),
  },
];

/** How much the table shows. */
export interface ComparisonOptions {
  /** Leaves out what a narrow terminal has no room for. Default false. */
  readonly brief?: boolean;
}

/** One row for each arm, in the report's order. Figures that no arm has are left out; a single one that is missing is a dash. */
export function comparisonTable(
  report: BenchmarkReport,
  options: ComparisonOptions = {},
): ComparisonTable {
  return layOut(
    columns.filter(({ detail }) => detail !== true || options.brief !== true),
    report.arms,
  );
}

/** A row for each arm and a cell for each column; optional ones that no arm has are left out. */
export function layOut(
  columns: readonly TableColumn[],
  arms: readonly ReportArm[],
): ComparisonTable {
  const shown = columns.filter(
    ({ optional, value }) => optional !== true || arms.some((arm) => value(arm) !== undefined),
  );
  const texts = shown.map((column) => columnCells(column, arms));
  return {
    columns: ['arm', ...shown.map(({ title }) => title)],
    rows: arms.map(({ name }, row) => ({
      arm: name,
      cells: texts.map((cells) => cells[row] ?? { text: '–', best: false }),
    })),
  };
}

/** Best is judged by what is shown: figures that read the same are equally good. */
function columnCells(column: TableColumn, arms: readonly ReportArm[]): readonly ComparisonCell[] {
  const values = arms.map(column.value);
  const present = values.filter((value) => value !== undefined);
  const best = column.better === 'lower' ? Math.min(...present) : Math.max(...present);
  const bestText = column.text(best);
  const texts = values.map((value) => (value === undefined ? '–' : column.text(value)));
  const differ = column.better !== undefined && new Set(texts).size > 1;
  return texts.map((text) => ({ text, best: differ && text === bestText }));
}

/** A duration with three significant digits in the unit that suits it. */
export function formatSeconds(value: number): string {
  const ms = value * 1000;
  if (ms >= 9995) return `${value.toFixed(1)} s`;
  if (ms >= 999.5) return `${value.toFixed(2)} s`;
  return `${ms.toFixed(ms < 9.995 ? 2 : ms < 99.95 ? 1 : 0)} ms`;
}

/** A share of one as percent. */
export function formatShare(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
