// SPDX-License-Identifier: Apache-2.0
import { formatShare, layOut, type ComparisonTable, type TableColumn } from './comparison.ts';
import type { BenchmarkReport, ReportArm } from './report-schema.ts';

type Sample = NonNullable<ReportArm['prefix_cache_sample']>;

const predicted =
  (part: (prediction: NonNullable<Sample['prediction']>) => number) => (arm: ReportArm) => {
    const prediction = arm.prefix_cache_sample?.prediction;
    return prediction && part(prediction) / prediction.prompt_tokens;
  };
const possible =
  (part: (opportunity: NonNullable<Sample['opportunity']>) => number) => (arm: ReportArm) => {
    const opportunity = arm.prefix_cache_sample?.opportunity;
    return opportunity && part(opportunity) / opportunity.prompt_tokens;
  };
const share = { text: formatShare, optional: true } as const;

const columns: readonly TableColumn[] = [
  {
    title: 'hit rate',
    better: 'higher',
    value: (arm) => arm.prefix_cache?.hit_rate,
    text: formatShare,
  },
  {
    title: 'sampled',
    value: (arm) => arm.prefix_cache_sample?.requests,
    text: (value) => value.toFixed(0),
  },
  { ...share, title: 'hits', better: 'higher', value: possible((part) => part.cached_tokens) },
  { ...share, title: 'best possible', value: possible((part) => part.best_tokens) },
  { ...share, title: 'lost', better: 'lower', value: possible((part) => part.lost_tokens) },
  { ...share, title: 'predicted', value: predicted((part) => part.predicted_tokens) },
  {
    ...share,
    title: 'too much',
    better: 'lower',
    value: predicted((part) => part.overestimated_tokens),
  },
  {
    ...share,
    title: 'too little',
    better: 'lower',
    value: predicted((part) => part.underestimated_tokens),
  },
];

/** What the columns mean that {@link prefixTable} has. */
export const PREFIX_TABLE_CAPTION =
  'Shares of prompt tokens. Hit rate: what servers took from their caches, of all requests. The rest is of the sampled ones: hits; the most that any server held just before the request was sent; how much of that was lost because another server answered; what the router believed the chosen server to have, how much of that was not so, and how much it did not know of.';

/** How well each arm's prompts met what was cached; undefined where no arm was sampled. */
export function prefixTable(report: BenchmarkReport): ComparisonTable | undefined {
  const isSampled = report.arms.some(({ prefix_cache_sample: sample }) => sample !== undefined);
  return isSampled ? layOut(columns, report.arms) : undefined;
}
