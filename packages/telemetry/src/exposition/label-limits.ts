// SPDX-License-Identifier: Apache-2.0

/** Labels whose values together may be so many distinct ones. */
export interface LabelLimit {
  readonly labels: readonly string[];
  readonly limit: number;
}

/** What stands for all values beyond the bound. */
const OTHER = 'other';

/** The value a label gets: the given one, or `other` where its limit is reached. Values stay known for ever. */
export type LabelBounds = (label: string, value: string) => string;

/** Keeps whoever chooses label values from filling the memory of whoever stores the series. */
export function createLabelBounds(limits: readonly LabelLimit[]): LabelBounds {
  const known = new Map<string, { readonly values: Set<string>; readonly limit: number }>();
  for (const { labels, limit } of limits) {
    const values = new Set<string>();
    for (const label of labels) known.set(label, { values, limit });
  }
  return (label, value) => {
    const bound = known.get(label);
    if (bound === undefined || bound.values.has(value)) return value;
    if (bound.values.size >= bound.limit) return OTHER;
    bound.values.add(value);
    return value;
  };
}
