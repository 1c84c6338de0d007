// SPDX-License-Identifier: Apache-2.0
import type { MetricDefinition } from './metrics.ts';

/**
 * A former name under which a metric is still exposed. It has no observations of its own: whoever exposes metrics derives
 * its series from those of the definition it stands beside, adding up what differs only in labels that the twin lacks.
 */
export interface LegacyTwin<L extends string = string> {
  readonly name: string;
  /** Becomes the HELP line verbatim. */
  readonly help: string;
  /** The twin's labels, each with the label of the definition that it shows. */
  readonly labels: Readonly<Record<string, L>>;
}

type LabelOf<D> = D extends MetricDefinition<infer L> ? L : never;

/** The same definition, exposed under a former name as well. */
export function withLegacyTwin<D extends MetricDefinition>(
  definition: D,
  twin: LegacyTwin<LabelOf<D>>,
): D {
  return { ...definition, legacyTwins: [...(definition.legacyTwins ?? []), twin] };
}

/** HELP of a twin as llm-d writes it: stability, what replaces it, then what it was said to be. */
export const deprecatedHelp = (replacement: string, text: string): string =>
  `[ALPHA] [Deprecated: Use ${replacement}] ${text}`;

/**
 * The same definition, exposed under a former name as well, with the text that it has now marked as deprecated. Of its
 * labels the twin has all, or those given.
 */
export function withFormerName<D extends MetricDefinition>(
  definition: D,
  name: string,
  labels: readonly LabelOf<D>[] = definition.labels as readonly LabelOf<D>[],
): D {
  const text = definition.help.replace(/^\[ALPHA\] /, '');
  return withLegacyTwin(definition, {
    name,
    help: deprecatedHelp(definition.name, text),
    labels: Object.fromEntries(labels.map((label) => [label, label])),
  });
}
