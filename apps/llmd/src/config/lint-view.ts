// SPDX-License-Identifier: Apache-2.0
import type { ConfigLint, ProfileLint, ScoreInfluence } from '@llm-d/scheduler-core';
import { createColors } from 'picocolors';
import { drawTable, rounded } from '../table.ts';

const scales: Readonly<Record<ScoreInfluence['traits']['scale'], string>> = {
  relative: 'between worst and best candidate',
  absolute: 'in proportion',
  steps: 'all or nothing',
};

/** A configuration's explanation for a terminal: what each profile does, then what to know about it. */
export function drawLint(lint: ConfigLint, options: { readonly color: boolean }): string {
  const colors = createColors(options.color);
  const profiles = lint.profiles.map((profile) => drawProfile(profile, options));
  const findings = lint.findings.map(({ severity, subject, message }) => {
    const mark = severity === 'warning' ? colors.yellow('warning') : colors.dim('note');
    return `${mark}  ${colors.bold(subject)}: ${message}\n`;
  });
  const head = `${lint.handler} runs ${lint.profiles.map(({ name }) => name).join(', ')}\n\n`;
  const none = findings.length === 0 ? 'Nothing to remark.\n' : '';
  return `${head}${profiles.join('\n')}\n${findings.join('')}${none}`;
}

function drawProfile(
  { name, filters, scorers, picker }: ProfileLint,
  options: { readonly color: boolean },
): string {
  const colors = createColors(options.color);
  const steps = ['candidates', ...filters, scorers.length > 0 ? 'scores' : '', picker];
  const title = `${colors.bold(`profile ${name}`)}: ${steps.filter((step) => step !== '').join(' → ')}\n`;
  if (scorers.length === 0) return title;
  const columns = [
    { title: 'scorer' },
    { title: 'weight', align: 'right' },
    { title: 'points', align: 'right' },
    { title: 'share', align: 'right' },
    { title: 'scores' },
    { title: 'outvotes alone' },
    { title: 'is outvoted by' },
  ] as const;
  const rows = scorers.map(({ plugin, weight, swing, share, traits, outweighs, outvotedBy }) => [
    plugin,
    rounded(weight),
    rounded(swing),
    `${rounded(100 * share, 0)} %`,
    scales[traits.scale],
    outweighs.join('\n') || '–',
    outvotedBy?.join(' + ') ?? 'nobody',
  ]);
  return title + drawTable(columns, rows, options);
}
