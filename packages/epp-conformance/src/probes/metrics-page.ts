// SPDX-License-Identifier: Apache-2.0

/** A Prometheus exposition, to look values up in. */
export interface MetricsPage {
  /** Names of all series, and of all metrics that are announced. */
  readonly names: ReadonlySet<string>;
  /** Sum over the series of `name`; undefined where there is none. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

interface Series {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

const SERIES = /^([a-zA-Z_:][\w:]*)(\{.*\})?\s+(\S+)(?:\s+\d+)?$/;
const ANNOUNCED = /^# TYPE (\S+) /;

/** Reads the text of a `/metrics` page; lines that make no sense are left out. */
export function parseMetricsPage(text: string): MetricsPage {
  const series: Series[] = [];
  const names = new Set<string>();
  for (const line of text.split('\n')) {
    const [, announced] = ANNOUNCED.exec(line) ?? [];
    if (announced !== undefined) names.add(announced);
    const [, name, labels = '', value] = SERIES.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    series.push({ name, labels, value: Number(value) });
    names.add(name);
  }
  return {
    names,
    sum: (name, labels = {}) => {
      const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      const found = series.filter(
        (one) => one.name === name && pairs.every((pair) => one.labels.includes(pair)),
      );
      if (found.length === 0) return undefined;
      return found.reduce((sum, { value }) => sum + value, 0);
    },
  };
}
