// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { listByKey, oneOf, type Admitted } from './schema.ts';

const conditionSchema = Type.Object(
  {
    type: Type.String({
      maxLength: 316,
      pattern:
        '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$',
      description: 'What the condition is about.',
    }),
    status: oneOf(['True', 'False', 'Unknown'], { description: 'Whether it holds.' }),
    reason: Type.String({
      minLength: 1,
      maxLength: 1024,
      pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$',
      description: 'Why, as one word for programs.',
    }),
    message: Type.String({ maxLength: 32768, description: 'Why, for people.' }),
    lastTransitionTime: Type.String({
      format: 'date-time',
      description: 'When the status last changed.',
    }),
    observedGeneration: Type.Optional(
      Type.Integer({
        format: 'int64',
        minimum: 0,
        description: 'Generation of the object that this was seen on.',
      }),
    ),
  },
  { description: 'One aspect of the state of an object.' },
);

/** A condition in the status of an object (`metav1.Condition`). */
export type Condition = Admitted<typeof conditionSchema>;

/** A list of conditions, one of each type. */
export const conditionsSchemaOf = (maxItems: number) =>
  listByKey(conditionSchema, 'type', {
    maxItems,
    description: 'What is known about the state of the object.',
  });

/** A list of at most eight conditions, one of each type. */
export const conditionsSchema = conditionsSchemaOf(8);

/** What stands in a status before any controller has looked: the condition `type` is unknown. */
export const pendingConditions = (type: string): Condition[] => [
  {
    type,
    status: 'Unknown',
    reason: 'Pending',
    message: 'Waiting for controller',
    lastTransitionTime: '1970-01-01T00:00:00Z',
  },
];
