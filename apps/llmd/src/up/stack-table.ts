// SPDX-License-Identifier: Apache-2.0
import Table from 'cli-table3';
import pc from 'picocolors';
import type { IndexRow, Percentiles, ServerRow, StackView } from './stack-view.ts';

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
  const isIndexed = view.index !== undefined;
  const titles = ['server', 'running', 'waiting', 'KV use', 'prefix hits', 'picks'];
  const head = isIndexed ? [...titles, 'KV events'] : titles;
  const table = new Table({
    head: head.map((title) => pc.bold(title)),
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: ['gray'] },
  });
  table.push(
    ...view.servers.map((row) => (isIndexed ? [...cells(row), knowledge(row)] : cells(row))),
  );
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

/** How well a server's cache is known, and how long its last events took. */
function knowledge({ known }: ServerRow): string {
  if (known === undefined) return pc.dim('nothing yet');
  if (known.state !== 'whole') return pc.yellow(known.state);
  return `whole, ${known.lagMs.toFixed(0)} ms`;
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
  index,
  programs,
}: StackView): readonly string[] {
  const failed = errors > 0 ? pc.red(`  ${errors} failed`) : '';
  return [
    `${requests} requests  ${requestsPerSecond.toFixed(1)}/s${failed}`,
    `TTFT         ${spread(ttft)}`,
    `inter-token  ${spread(interToken)}`,
    ...(index === undefined ? [] : [`index        ${indexParts(index).join('  ')}`]),
    ...(programs.length === 0
      ? []
      : [
          `beside       ${programs.map(({ name, isUp }) => (isUp ? `${name} up` : pc.red(`${name} down`))).join('  ')}`,
        ]),
  ];
}

function indexParts(index: IndexRow): readonly string[] {
  const { blocks, whole, heard, servers, lagMs, hitShare, unused, isCaughtUp, isTrusted } = index;
  const share = `${whole} of ${servers} whole`;
  return [
    `${blocks} blocks`,
    // A server that has computed nothing has nothing to say.
    whole < heard ? pc.yellow(share) : share,
    ...(lagMs === undefined ? [] : [`lag ${lagMs.toFixed(0)} ms`]),
    `hits ${percent(hitShare)}`,
    ...(unused > 0 ? [`${unused} requests without it`] : []),
    ...(isCaughtUp ? [] : [pc.yellow('catching up')]),
    ...(isTrusted ? [] : [pc.red('not used: tokens differ from the engines’')]),
  ];
}
