// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { listByKey, openObject } from '../schema.ts';

const env = openObject({
  name: Type.String({ minLength: 1, maxLength: 4096 }),
  value: Type.Optional(Type.String()),
});

const container = openObject({
  name: Type.String({ minLength: 1, maxLength: 63, description: 'Which container this is for.' }),
  image: Type.Optional(Type.String()),
  command: Type.Optional(Type.Array(Type.String(), { 'x-kubernetes-list-type': 'atomic' })),
  args: Type.Optional(
    Type.Array(Type.String(), {
      'x-kubernetes-list-type': 'atomic',
      description: 'Stand before those that the container has otherwise.',
    }),
  ),
  env: Type.Optional(listByKey(env, 'name')),
  mountModelVolume: Type.Optional(
    Type.Boolean({ description: 'Whether the model is mounted. Default only for the engine.' }),
  ),
});

/** Containers laid over those of the same name. Fields that are not named here are Kubernetes’ own. */
export const containersSchema = (description: string) =>
  listByKey(container, 'name', { description });

/** A patch of a pod template, merged as `kubectl patch` merges: lists by the keys that Kubernetes gives them. */
export const podTemplateSchema = (description: string) => openObject({}, { description });

/** Fields of Kubernetes’ own that are handed on as they are. */
export const kubernetesFields = (description: string) => openObject({}, { description });

/** A list of such. */
export const kubernetesList = (description: string) =>
  Type.Array(openObject({}), { 'x-kubernetes-list-type': 'atomic', description });
