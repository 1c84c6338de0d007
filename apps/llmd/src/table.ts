// SPDX-License-Identifier: Apache-2.0
import Table from 'cli-table3';
import { createColors } from 'picocolors';

export interface TableColumn {
  readonly title: string;
  /** Default left. */
  readonly align?: 'left' | 'right';
}

/** A table without lines between its rows, for a terminal. */
export function drawTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  options: { readonly color: boolean },
): string {
  const colors = createColors(options.color);
  const table = new Table({
    head: columns.map(({ title }) => colors.bold(title)),
    colAligns: columns.map(({ align = 'left' }) => align),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push([...row]);
  return `${table.toString()}\n`;
}

/** A number with at most `digits` behind the point, without trailing zeros. */
export const rounded = (value: number, digits = 2): string => String(Number(value.toFixed(digits)));
