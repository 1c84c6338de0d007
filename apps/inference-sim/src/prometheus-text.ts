// SPDX-License-Identifier: Apache-2.0

/** Label names and values, in the order of the exposition. */
export type LabelPairs = Readonly<Record<string, string>>;

/** Writes a number as Python's Prometheus client does: `0.0`, `1.5`, `1.7952432e+09`. */
export function formatValue(value: number): string {
  if (value === Infinity) return '+Inf';
  if (value === -Infinity) return '-Inf';
  if (Number.isNaN(value)) return 'NaN';
  const text = Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
  const dot = text.indexOf('.');
  if (value <= 0 || dot <= 6) return text;
  const digits = (text.slice(0, dot) + text.slice(dot + 1)).replace(/0+$/, '');
  const mantissa = digits.length > 1 ? `${digits[0] ?? ''}.${digits.slice(1)}` : digits;
  return `${mantissa}e+${String(dot - 1).padStart(2, '0')}`;
}

/** One sample line. */
export function sample(name: string, labels: LabelPairs, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${formatValue(value)}\n`;
}

/** The two lines before a family's samples. */
export function header(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

const escape = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');

/**
 * What Prometheus' Python client leaves of an exposition when it is asked for by name (`name[]`): whole families that
 * have a series of one of the names. Everything where no name is given.
 */
export function narrowTo(names: readonly string[], exposition: string): string {
  if (names.length === 0) return exposition;
  const isAsked = (family: string): boolean =>
    names.some((name) => family.includes(`\n${name} `) || family.includes(`\n${name}{`));
  return exposition
    .split(/^(?=# HELP )/m)
    .filter(isAsked)
    .join('');
}

/** Observations counted by upper bound. */
export class Distribution {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  /** `bounds`: ascending upper bounds, without +Inf. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.#sum += value;
    this.#count++;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  /** Buckets, count and sum; `labels` names the place of `le` by the order of its keys, which must be sorted. */
  expose(name: string, labels: LabelPairs): string {
    let text = '';
    let below = 0;
    const line = (le: string, count: number): string => {
      const sorted = Object.entries({ ...labels, le }).sort(([a], [b]) => (a < b ? -1 : 1));
      return sample(`${name}_bucket`, Object.fromEntries(sorted), count);
    };
    this.#bounds.forEach((bound, i) => {
      below += this.#counts[i] ?? 0;
      text += line(formatValue(bound), below);
    });
    text += line('+Inf', this.#count);
    return (
      text + sample(`${name}_count`, labels, this.#count) + sample(`${name}_sum`, labels, this.#sum)
    );
  }
}
