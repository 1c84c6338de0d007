// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { int32, intOrString, openObject, textMap, withDefault, withRules } from '../schema.ts';
import { parallelismSchema } from './parallelism.ts';
import {
  containersSchema,
  kubernetesFields,
  kubernetesList,
  podTemplateSchema,
} from './pod-overlay.ts';
import { scalingSchema } from './scaling.ts';

const accelerator = Type.Object(
  {
    type: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description:
          'nvidia, amd, intel-i915, intel-xe, intel-gaudi, google, rebellions-atom or cpu. Default nvidia.',
      }),
    ),
    count: Type.Optional(
      int32({ minimum: 0, description: 'In a pod. Default what parallelism needs.' }),
    ),
    dra: Type.Optional(
      Type.Object(
        {
          deviceClassName: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
          selectors: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              maxItems: 32,
              'x-kubernetes-list-type': 'atomic',
              description: 'CEL expressions that a device must fulfil.',
            }),
          ),
        },
        { description: 'Claims devices (ResourceClaimTemplate) instead of extended resources.' },
      ),
    ),
  },
  { description: 'On which accelerators, and on how many.' },
);

const acceleratorTypes = Type.Object(
  {
    labelKey: Type.String({ description: 'Label of nodes that names their accelerator.' }),
    labelValues: Type.Array(Type.String(), { minItems: 1, description: 'Those that will do.' }),
  },
  { description: 'On which nodes, by a label.' },
);

const termination = Type.Object(
  {
    preStopSeconds: withDefault(
      int32({ minimum: 0, description: 'Time for the routers to forget the pod.' }),
      15,
    ),
    drainSeconds: withDefault(
      int32({ minimum: 0, description: 'Time for requests that run to end.' }),
      45,
    ),
  },
  { description: 'How a pod ends.' },
);

const pdb = withRules(
  Type.Object(
    {
      enabled: withDefault(Type.Boolean(), true),
      minAvailable: Type.Optional(intOrString({ description: 'Engines that must stay.' })),
      maxUnavailable: Type.Optional(
        intOrString({ description: 'Engines that may be away at once. Default 1.' }),
      ),
    },
    { description: 'How many engines may be evicted at once. Counted in engines, not in pods.' },
  ),
  [
    {
      rule: '!(has(self.minAvailable) && has(self.maxUnavailable))',
      message: 'minAvailable and maxUnavailable exclude each other',
      holds: ({ minAvailable, maxUnavailable }) =>
        minAvailable === undefined || maxUnavailable === undefined,
    },
  ],
);

/** The servers of one role. */
export const roleSchema = (description: string) =>
  withRules(
    Type.Object(
      {
        replicas: Type.Optional(
          int32({
            minimum: 0,
            description: 'How many engines. Left out, nobody’s number is overwritten.',
          }),
        ),
        scaling: Type.Optional(scalingSchema),
        parallelism: Type.Optional(parallelismSchema),
        accelerator: Type.Optional(accelerator),
        acceleratorTypes: Type.Optional(acceleratorTypes),
        resources: Type.Optional(kubernetesFields('Requests and limits of the engine.')),
        args: Type.Optional(
          Type.Array(Type.String(), {
            'x-kubernetes-list-type': 'atomic',
            description: 'Arguments of the engine in this role.',
          }),
        ),
        containers: Type.Optional(containersSchema('Laid over the containers, by name.')),
        initContainers: Type.Optional(containersSchema('Laid over the init containers, by name.')),
        labels: Type.Optional(textMap({ description: 'Further labels of the pods.' })),
        annotations: Type.Optional(textMap({ description: 'Annotations of the pods.' })),
        nodeSelector: Type.Optional(textMap({ description: 'Labels that nodes must have.' })),
        affinity: Type.Optional(kubernetesFields('Affinity of the pods.')),
        tolerations: Type.Optional(kubernetesList('Taints that the pods bear.')),
        template: Type.Optional(
          podTemplateSchema('Patch of the pod template, applied last, as kubectl patch merges.'),
        ),
        worker: Type.Optional(
          podTemplateSchema('Patch of the pods of an engine other than its first one.'),
        ),
        strategy: Type.Optional(openObject({}, { description: 'How a change is rolled out.' })),
        termination: Type.Optional(termination),
        pdb: Type.Optional(pdb),
      },
      { description },
    ),
    [
      {
        rule: '!(has(self.replicas) && has(self.scaling))',
        message: 'replicas and scaling exclude each other',
        holds: ({ replicas, scaling }) => replicas === undefined || scaling === undefined,
      },
      {
        rule: '!has(self.worker) || (has(self.parallelism) && (has(self.parallelism.workers) ? self.parallelism.workers > 1 : (has(self.parallelism.data) && has(self.parallelism.dataLocal) && self.parallelism.data > self.parallelism.dataLocal)))',
        message: 'worker needs an engine of several pods (parallelism.workers)',
        holds: ({ worker, parallelism: p }) =>
          worker === undefined ||
          (p?.workers === undefined
            ? p?.data !== undefined && p.dataLocal !== undefined && p.data > p.dataLocal
            : p.workers > 1),
      },
    ],
  );
