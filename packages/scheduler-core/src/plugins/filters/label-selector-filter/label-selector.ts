// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const requirement = z
  .strictObject({
    key: z.string().min(1).describe('Label the requirement is about.'),
    operator: z
      .enum(['In', 'NotIn', 'Exists', 'DoesNotExist'])
      .describe('How the label relates to the values.'),
    values: z.array(z.string()).default([]).describe('For In and NotIn: at least one; else none.'),
  })
  .check(({ value: { operator, values }, issues }) => {
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues === values.length > 0) return;
    issues.push({
      code: 'custom',
      message: `${operator} needs ${needsValues ? 'at least one value' : 'no values'}`,
      path: ['values'],
      input: values,
    });
  });

/** A Kubernetes LabelSelector. All its requirements must hold; an empty one matches everything. */
export const labelSelector = z.strictObject({
  matchLabels: z
    .record(z.string(), z.string())
    .default({})
    .describe('Labels and the values they must have.'),
  matchExpressions: z.array(requirement).default([]).describe('Further requirements.'),
});

export type LabelSelector = z.output<typeof labelSelector>;
type Labels = Readonly<Record<string, string>>;

/** Builds the test whether labels match, with Kubernetes' meaning: NotIn holds for a missing label. */
export function compileLabelSelector(selector: LabelSelector): (labels: Labels) => boolean {
  const equal = Object.entries(selector.matchLabels);
  const requirements = selector.matchExpressions.map(compileRequirement);
  return (labels) =>
    equal.every(([key, value]) => valueOf(labels, key) === value) &&
    requirements.every((holds) => holds(labels));
}

function compileRequirement({
  key,
  operator,
  values,
}: LabelSelector['matchExpressions'][number]): (labels: Labels) => boolean {
  const allowed = new Set(values);
  const isAllowed = (value: string | undefined): boolean =>
    value !== undefined && allowed.has(value);
  switch (operator) {
    case 'In':
      return (labels) => isAllowed(valueOf(labels, key));
    case 'NotIn':
      return (labels) => !isAllowed(valueOf(labels, key));
    case 'Exists':
      return (labels) => valueOf(labels, key) !== undefined;
    case 'DoesNotExist':
      return (labels) => valueOf(labels, key) === undefined;
  }
}

// Own properties only: a label may be called "constructor".
const valueOf = (labels: Labels, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] : undefined;
