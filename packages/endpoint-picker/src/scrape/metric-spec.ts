// SPDX-License-Identifier: Apache-2.0

/** Which series of an exposition is meant: a name, and labels it must have. */
export interface MetricSpec {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Text that is no metric spec. */
export class MetricSpecError extends Error {
  readonly code = 'INVALID_METRIC_SPEC';
  readonly spec: string;
  constructor(spec: string) {
    super(`"${spec}" is not a metric; expected name or name{label=value,...}`);
    this.name = 'MetricSpecError';
    this.spec = spec;
  }
}

const SPEC = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^{}]*)\})?$/;
const LABEL = /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"?([^"]*?)"?\s*$/;

/**
 * Reads llm-d's `metric{label=value,…}` syntax; values may be quoted.
 * Throws {@link MetricSpecError} on anything else.
 */
export function parseMetricSpec(text: string): MetricSpec {
  const [, name, inner = ''] = SPEC.exec(text.trim()) ?? [];
  if (name === undefined) throw new MetricSpecError(text);
  const labels: Record<string, string> = {};
  for (const pair of inner.split(',').filter((part) => part.trim() !== '')) {
    const [, label, value] = LABEL.exec(pair) ?? [];
    if (label === undefined || value === undefined) throw new MetricSpecError(text);
    labels[label] = value;
  }
  return { name, labels };
}
