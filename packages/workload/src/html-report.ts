// SPDX-License-Identifier: Apache-2.0
import { armColors } from './arm-colors.ts';
import { drawCharts, type Chart } from './charts.ts';
import { comparisonTable, formatSeconds, formatShare, type ComparisonTable } from './comparison.ts';
import { PREFIX_TABLE_CAPTION, prefixTable } from './prefix-table.ts';
import type { BenchmarkReport, ReportArm } from './report-schema.ts';
import { cautions, verdicts } from './verdict.ts';

/** How the page is made. */
export interface HtmlReportOptions {
  /** The arm that is compared with each other one in words. Default `default`. */
  readonly subject?: string;
}

/**
 * A page with the report's figures and plots. It is complete in itself: it loads nothing and runs no script.
 */
export async function renderHtmlReport(
  report: BenchmarkReport,
  options: HtmlReportOptions = {},
): Promise<string> {
  const charts = await drawCharts(report);
  const title = escapeHtml(report.title);
  const sentences = [...verdicts(report, options.subject ?? 'default'), ...cautions(report)];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="lead">${escapeHtml(lead(report))}</p>
${table(comparisonTable(report))}
${list(sentences.map(escapeHtml))}
${prefixes(report)}
<div class="charts">
${charts.map(figure).join('\n')}
</div>
<h2>Method</h2>
${list(method(report).map(escapeHtml))}
${parameters(report)}
</main>
</body>
</html>
`;
}

function lead(report: BenchmarkReport): string {
  const { workload, arms } = report;
  const requests = arms.map((arm) => totalRequests(arm));
  const [least, most] = [Math.min(...requests), Math.max(...requests)];
  const count = least === most ? `${most}` : `${least} to ${most}`;
  const start = arms[0]?.run.time.start.replace('T', ' ').replace(/\..*Z$/, ' UTC') ?? '';
  return `Workload ${workload.name}, seed ${workload.seed}, ${count} requests${arms.length > 1 ? ' for each arm' : ''}; ${start}.`;
}

const totalRequests = (arm: ReportArm): number =>
  arm.results.request_performance.aggregate.requests.total;

function prefixes(report: BenchmarkReport): string {
  const comparison = prefixTable(report);
  if (comparison === undefined) return '';
  return `<h2>Prompts and caches</h2>${table(comparison)}<p class="caption">${escapeHtml(PREFIX_TABLE_CAPTION)}</p>`;
}

function table({ columns, rows }: ComparisonTable): string {
  const colors = armColors(rows.map(({ arm }) => arm));
  const head = columns.map((column) => `<th>${escapeHtml(column)}</th>`).join('');
  const body = rows.map(({ arm, cells }, row) => {
    const swatch = `<i style="background:${colors[row] ?? ''}"></i>`;
    const tds = cells.map(
      ({ text, best }) => `<td${best ? ' class="best"' : ''}>${escapeHtml(text)}</td>`,
    );
    return `<tr><th>${swatch}${escapeHtml(arm)}</th>${tds.join('')}</tr>`;
  });
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

const figure = ({ title, caption, svg }: Chart): string =>
  `<figure><h2>${escapeHtml(title)}</h2>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;

function method(report: BenchmarkReport): readonly string[] {
  const { workload, method: how, arms } = report;
  const loop =
    workload.loop === 'open'
      ? 'Open loop: requests are sent at their times whatever happens.'
      : 'Closed loop: each user waits for its answer before it asks again.';
  return [
    'Latencies count from the instant a request was intended to be sent, so waiting that a slow server or a late client causes is in them.',
    loop,
    'TTFT: time to first token. ITL: gap between two pieces of an answer. Imbalance: tokens of the busiest model server over the mean. Failed requests are in no latency.',
    ...how.notes,
    `Time for one answer at most ${formatSeconds(how.timeout_s)}; at most ${how.max_in_flight} requests in flight, more would be dropped and counted; warm-up ${how.warm_up_s} s.`,
    ...arms.flatMap(armNotes),
  ];
}

function armNotes(arm: ReportArm): readonly string[] {
  const { name, client_lag: lag, time_to_first_token_mean_ci95: interval, goodput } = arm;
  const failures = Object.entries(arm.failures_by_kind).map(([kind, count]) => `${count} ${kind}`);
  const parts = [
    interval &&
      `mean TTFT within ${formatSeconds(interval.low)} to ${formatSeconds(interval.high)} (95 % bootstrap interval over requests)`,
    lag && `client late by ${formatSeconds(lag.p99 ?? lag.mean)} at the 99th percentile`,
    goodput && `${formatShare(goodput.share)} of requests within the service level`,
    failures.length > 0 && `failures: ${failures.join(', ')}`,
  ].filter((part) => typeof part === 'string');
  return parts.length === 0 ? [] : [`${name}: ${parts.join('; ')}.`];
}

function parameters(report: BenchmarkReport): string {
  const entries = Object.entries(report.workload.parameters);
  const rows = entries.map(
    ([name, value]) => `<tr><th>${escapeHtml(name)}</th><td>${escapeHtml(String(value))}</td></tr>`,
  );
  return `<h2>Workload</h2><table class="parameters"><tbody>${rows.join('')}</tbody></table>`;
}

const list = (items: readonly string[]): string =>
  items.length === 0 ? '' : `<ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul>`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => ENTITIES[c] ?? c);

const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #f6f7f9; color: #1c1e21; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 28px 0 8px; }
.lead { color: #555; margin: 0 0 20px; }
.wide { overflow-x: auto; }
table { font-size: 14px; border-collapse: collapse; background: #fff; font-variant-numeric: tabular-nums; border: 1px solid #dfe2e6; }
th, td { padding: 7px 9px; text-align: right; white-space: nowrap; border-bottom: 1px solid #eceef1; }
thead th { font-weight: 600; font-size: 13px; color: #555; background: #fafbfc; }
th:first-child { text-align: left; }
tbody th { font-weight: 600; }
tbody th i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 8px; vertical-align: -1px; }
td.best { font-weight: 700; background: #e6f4ea; }
ul { padding-left: 20px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(500px, 1fr)); gap: 20px; margin-top: 24px; align-items: start; }
figure { margin: 0; padding: 16px; background: #fff; border: 1px solid #dfe2e6; border-radius: 6px; }
figure h2 { margin: 0 0 8px; }
figure svg { max-width: 100%; height: auto; display: block; }
figcaption, .caption { color: #555; font-size: 13px; margin-top: 8px; }
.parameters th { font-weight: 400; color: #555; }
.parameters td { text-align: left; }
`;
