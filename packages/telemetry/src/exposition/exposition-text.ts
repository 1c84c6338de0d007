// SPDX-License-Identifier: Apache-2.0
import { goNumber } from './go-number.ts';
import { escapeHelp, labelText } from './label-text.ts';
import type { Sample, SampleGroup } from './sample-groups.ts';

/** The `content-type` of the text. */
export const expositionContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Samples in Prometheus' text format, as Go's client would write them: labels by name, `le` last. */
export function expositionText(groups: readonly SampleGroup[]): string {
  let text = '';
  for (const group of groups) {
    text += `# HELP ${group.name} ${escapeHelp(group.help)}\n# TYPE ${group.name} ${group.kind}\n`;
    const bounds = group.buckets.map(goNumber);
    for (const sample of group.samples()) text += sampleText(group.name, sample, bounds);
  }
  return text;
}

function sampleText(name: string, sample: Sample, bounds: readonly string[]): string {
  const labels = labelText(sample.pairs);
  const braced = labels === '' ? '' : `{${labels}}`;
  if ('value' in sample) return `${name}${braced} ${goNumber(sample.value)}\n`;
  const before = labels === '' ? '' : `${labels},`;
  let text = '';
  let count = 0;
  for (const [i, own] of sample.counts.entries()) {
    count += own;
    text += `${name}_bucket{${before}le="${bounds[i] ?? '+Inf'}"} ${goNumber(count)}\n`;
  }
  return `${text}${name}_sum${braced} ${goNumber(sample.sum)}\n${name}_count${braced} ${goNumber(count)}\n`;
}
