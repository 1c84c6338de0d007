// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { withDefault, type Admitted } from './schema.ts';

/** An API group; empty for the core group. */
export const groupSchema = (fallback: string) =>
  withDefault(
    Type.String({
      maxLength: 253,
      pattern: '^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
      description: 'API group of the referent.',
    }),
    fallback,
  );

/** A kind of object. */
export const kindSchema = (fallback: string) =>
  withDefault(
    Type.String({
      minLength: 1,
      maxLength: 63,
      pattern: '^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$',
      description: 'Kind of the referent.',
    }),
    fallback,
  );

/** The name of an object. */
export const nameSchema = () =>
  Type.String({ minLength: 1, maxLength: 253, description: 'Name of the referent.' });

/** Names a pool in the namespace of the object that refers to it. */
export const poolRefSchema = Type.Object(
  {
    group: groupSchema('inference.networking.k8s.io'),
    kind: kindSchema('InferencePool'),
    name: nameSchema(),
  },
  { description: 'The pool that this is for, in the same namespace.' },
);

export type PoolRef = Admitted<typeof poolRefSchema>;
