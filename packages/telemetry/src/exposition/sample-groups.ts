// SPDX-License-Identifier: Apache-2.0
import type { LegacyTwin } from '../legacy-twin.ts';
import type { MetricFamily } from './metric-family.ts';
import type { LabelPairs } from './label-text.ts';
import { HistogramSeries } from './series.ts';

/** What is written for one set of labels. */
export type Sample =
  | { readonly pairs: LabelPairs; readonly value: number }
  | { readonly pairs: LabelPairs; readonly counts: Float64Array; readonly sum: number };

/** Samples of one name, with what describes them. */
export interface SampleGroup {
  readonly name: string;
  readonly help: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly buckets: readonly number[];
  samples(): Iterable<Sample>;
}

interface Column {
  readonly name: string;
  /** Place of its value among a series' values. */
  readonly index: number;
}

/** Labels by name, as Go's client orders them. */
const sorted = (columns: Column[]): readonly Column[] =>
  columns.sort((a, b) => (a.name < b.name ? -1 : 1));

/** A family under its own name. */
export function groupOf(family: MetricFamily): SampleGroup {
  const { name, help, kind, labels, buckets = [] } = family.definition;
  const columns = sorted(labels.map((label, index) => ({ name: label, index })));
  return { name, help, kind, buckets, samples: () => plainSamples(family, columns) };
}

/** A family under a former name. Throws where the twin shows a label that the family does not have. */
export function twinGroupOf(family: MetricFamily, { name, help, labels }: LegacyTwin): SampleGroup {
  const { kind, buckets = [], labels: own, name: current } = family.definition;
  const columns = sorted(
    Object.entries(labels).map(([label, source]) => {
      const index = own.indexOf(source);
      if (index < 0) throw new TypeError(`${name} shows ${source}, which ${current} does not have`);
      return { name: label, index };
    }),
  );
  const shown = new Set(Object.values(labels));
  // Without a label less there is nothing to add up.
  const samples =
    shown.size === own.length
      ? () => plainSamples(family, columns)
      : () => summedSamples(family, columns).values();
  return { name, help, kind, buckets, samples };
}

const pairsOf = (columns: readonly Column[], values: readonly string[]): LabelPairs =>
  columns.map(({ name, index }) => [name, values[index] ?? '']);

function* plainSamples(family: MetricFamily, columns: readonly Column[]): Iterable<Sample> {
  for (const series of family.all()) {
    const pairs = pairsOf(columns, series.labelValues);
    if (series instanceof HistogramSeries) {
      yield { pairs, counts: series.counts, sum: series.sum };
    } else yield { pairs, value: series.value };
  }
}

type Sums =
  | { readonly pairs: LabelPairs; value: number }
  | { readonly pairs: LabelPairs; readonly counts: Float64Array; sum: number };

function summedSamples(
  family: MetricFamily,
  columns: readonly Column[],
): ReadonlyMap<string, Sample> {
  const groups = new Map<string, Sums>();
  for (const series of family.all()) {
    const pairs = pairsOf(columns, series.labelValues);
    const key = pairs.map(([, value]) => value).join('\u0000');
    const group = groups.get(key);
    if (series instanceof HistogramSeries) {
      const { counts, sum } = series;
      if (group === undefined) groups.set(key, { pairs, counts: counts.slice(), sum });
      else if ('counts' in group) {
        for (const [i, count] of counts.entries()) group.counts[i] = (group.counts[i] ?? 0) + count;
        group.sum += sum;
      }
    } else if (group === undefined) groups.set(key, { pairs, value: series.value });
    else if ('value' in group) group.value += series.value;
  }
  return groups;
}
