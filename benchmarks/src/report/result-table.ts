// SPDX-License-Identifier: Apache-2.0
import Table from 'cli-table3';
import type { Bar, BenchmarkResult, Figure } from '../benchmark.ts';
import { median } from '../measuring/statistics.ts';

/** A number with three significant digits, or all before the point. */
export function formatted(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits =
    Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
}

/** Whether the figure keeps the promise; undefined where there is none. */
export function meets({ bar, samples }: Figure): boolean | undefined {
  if (bar === undefined) return undefined;
  const value = median(samples);
  return 'atLeast' in bar ? value >= bar.atLeast : value <= bar.atMost;
}

const barText = (bar: Bar | undefined): string =>
  bar === undefined
    ? ''
    : 'atLeast' in bar
      ? `≥ ${formatted(bar.atLeast)}`
      : `≤ ${formatted(bar.atMost)}`;

const verdicts = { true: 'met', false: 'MISSED', undefined: '' } as const;

/** The figures as a table for a terminal, with remarks below. */
export function resultTable(name: string, { figures, remarks }: BenchmarkResult): string {
  const table = new Table({
    head: [name, 'median', 'unit', 'min – max', 'bar', ''],
    colAligns: ['left', 'right', 'left', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const figure of figures) {
    const { samples, unit, bar } = figure;
    table.push([
      figure.name,
      formatted(median(samples)),
      unit,
      `${formatted(Math.min(...samples))} – ${formatted(Math.max(...samples))}`,
      barText(bar),
      verdicts[`${meets(figure)}`],
    ]);
  }
  return [table.toString(), ...remarks.map((remark) => `  note: ${remark}`)].join('\n');
}
