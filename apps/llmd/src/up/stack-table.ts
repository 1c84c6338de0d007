// SPDX-License-Identifier: Apache-2.0
import Table from 'cli-table3';
import pc from 'picocolors';
import type { Percentiles, ServerRow, StackView } from './stack-view.ts';

const percent = (share: number | undefined): string =>
  share === undefined ? '–' : `${(100 * share).toFixed(0)} %`;

const duration = (seconds: number | undefined): string => {
  if (seconds === undefined) return '–';
  return seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
};

const spread = ({ p50, p90, p99 }: Percentiles): string =>
  `p50 ${duration(p50)}  p90 ${duration(p90)}  p99 ${duration(p99)}`;

/** The stack as a table for a terminal, several lines. */
export function drawStack(view: StackView): string {
  const table = new Table({
    head: ['server', 'running', 'waiting', 'KV use', 'prefix hits', 'picks'].map((title) =>
      pc.bold(title),
    ),
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: ['gray'] },
  });
  table.push(...view.servers.map(cells));
  // Short lines: one that wraps would spoil the redrawing.
  return [table.toString(), ...overall(view)].join('\n');
}

function cells(row: ServerRow): string[] {
  if (!row.up) return [pc.red(`${row.name} down`), '', '', '', '', String(row.picks)];
  return [
    row.name,
    String(row.running),
    row.waiting > 0 ? pc.yellow(String(row.waiting)) : '0',
    percent(row.kvUsage),
    percent(row.prefixHitRate),
    String(row.picks),
  ];
}

/** The stack in one line, for logs. */
export function lineOfStack(view: StackView): string {
  const servers = view.servers.map((row) =>
    row.up
      ? `${row.name} ${row.running}+${row.waiting} kv ${percent(row.kvUsage)} hits ${percent(row.prefixHitRate)}`
      : `${row.name} down`,
  );
  return [overall(view).join('   '), ...servers].join(' | ');
}

function overall({
  requests,
  requestsPerSecond,
  errors,
  ttft,
  interToken,
}: StackView): readonly string[] {
  const failed = errors > 0 ? pc.red(`  ${errors} failed`) : '';
  return [
    `${requests} requests  ${requestsPerSecond.toFixed(1)}/s${failed}`,
    `TTFT         ${spread(ttft)}`,
    `inter-token  ${spread(interToken)}`,
  ];
}
