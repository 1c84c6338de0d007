// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { conditionsSchema } from './condition.ts';
import type { CustomObject, CustomResource } from './custom-resource.ts';
import { groupSchema, kindSchema, nameSchema } from './reference.ts';
import { int32, oneOf, withDefault, withRules } from './schema.ts';

const portNumber = () => int32({ minimum: 1, maximum: 65535, description: 'A TCP port.' });

const endpointPickerRef = withRules(
  Type.Object(
    {
      group: groupSchema(''),
      kind: kindSchema('Service'),
      name: nameSchema(),
      port: Type.Optional(Type.Object({ number: portNumber() })),
      failureMode: withDefault(
        oneOf(['FailOpen', 'FailClose'], {
          description: 'What becomes of requests while the endpoint picker does not answer.',
        }),
        'FailClose',
      ),
    },
    { description: 'The endpoint picker that chooses among the pods.' },
  ),
  [
    {
      rule: "self.kind != 'Service' || has(self.port)",
      message: "port is required when kind is 'Service' or unspecified (defaults to 'Service')",
      holds: ({ kind, port }) => kind !== 'Service' || port !== undefined,
    },
  ],
);

const spec = Type.Object(
  {
    selector: Type.Object(
      {
        matchLabels: Type.Unsafe<Record<string, string>>({
          type: 'object',
          minProperties: 1,
          maxProperties: 64,
          additionalProperties: {
            type: 'string',
            maxLength: 63,
            pattern: '^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$',
          },
          description: 'Labels that a pod must all carry.',
        }),
      },
      { description: 'Which pods of the namespace are in the pool.' },
    ),
    targetPorts: withRules(
      Type.Array(Type.Object({ number: portNumber() }), {
        minItems: 1,
        maxItems: 8,
        'x-kubernetes-list-type': 'atomic',
        description: 'Ports of each pod; every one is an endpoint of its own.',
      }),
      [
        {
          rule: 'self.all(p1, self.exists_one(p2, p1.number==p2.number))',
          message: 'port number must be unique',
          holds: (ports) => new Set(ports.map(({ number }) => number)).size === ports.length,
        },
      ],
    ),
    appProtocol: withDefault(
      oneOf(['http', 'kubernetes.io/h2c'], { description: 'What the ports speak.' }),
      'http',
    ),
    endpointPickerRef,
  },
  { description: 'Which pods serve, and who chooses among them.' },
);

const parentStatus = Type.Object({
  parentRef: Type.Object({
    group: groupSchema('gateway.networking.k8s.io'),
    kind: kindSchema('Gateway'),
    name: nameSchema(),
    namespace: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
      }),
    ),
  }),
  controllerName: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 253,
      pattern:
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$",
    }),
  ),
  conditions: Type.Optional(conditionsSchema),
});

const status = Type.Object({
  parents: Type.Optional(
    Type.Array(parentStatus, { maxItems: 32, 'x-kubernetes-list-type': 'atomic' }),
  ),
});

/** A set of pods that serve the same models, as the Gateway API Inference Extension defines it. */
export type InferencePool = CustomObject<typeof spec, typeof status>;

/**
 * InferencePool v1, as v1.5 of the extension defines it. Its CRD is the extension's, not ours.
 */
export const inferencePools: CustomResource<InferencePool> = {
  group: 'inference.networking.k8s.io',
  version: 'v1',
  plural: 'inferencepools',
  singular: 'inferencepool',
  shortNames: ['infpool'],
  kind: 'InferencePool',
  namespaced: true,
  description: 'A set of pods that serve the same models.',
  printerColumns: [],
  spec,
  specRequired: true,
  status,
};
