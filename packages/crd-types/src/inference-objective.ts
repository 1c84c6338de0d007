// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { conditionsSchema, pendingConditions } from './condition.ts';
import type { CustomObject, CustomResource } from './custom-resource.ts';
import type { KubeObject } from './kube-object.ts';
import { poolRefSchema } from './reference.ts';
import { int32, withDefault } from './schema.ts';

const spec = Type.Object(
  {
    priority: Type.Optional(
      int32({
        description:
          'Requests of higher priority are served first. Negative ones are shed first. Unset counts as 0.',
      }),
    ),
    poolRef: poolRefSchema,
  },
  { description: 'How important requests with this objective are.' },
);

const status = Type.Object({
  // The type that the original names; documented is `Accepted`.
  conditions: withDefault(conditionsSchema, pendingConditions('Ready')),
});

/** How important the requests that name it are. Upstream lets an object without a spec pass. */
export interface InferenceObjective extends KubeObject {
  readonly spec?: CustomObject<typeof spec, typeof status>['spec'];
  readonly status?: CustomObject<typeof spec, typeof status>['status'];
}

/** InferenceObjective of the group `llm-d.ai`; the CRD is ours. */
export const inferenceObjectives: CustomResource<InferenceObjective> = {
  group: 'llm-d.ai',
  version: 'v1alpha2',
  plural: 'inferenceobjectives',
  singular: 'inferenceobjective',
  shortNames: [],
  kind: 'InferenceObjective',
  namespaced: true,
  description: 'How important the requests that name it are.',
  printerColumns: [
    { name: 'Inference Pool', type: 'string', jsonPath: '.spec.poolRef.name' },
    { name: 'Priority', type: 'string', jsonPath: '.spec.priority' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec,
  specRequired: false,
  status,
};

/** The same resource in the group of the Gateway API Inference Extension, where it began. */
export const inferenceObjectivesX: CustomResource<InferenceObjective> = {
  ...inferenceObjectives,
  group: 'inference.networking.x-k8s.io',
};
