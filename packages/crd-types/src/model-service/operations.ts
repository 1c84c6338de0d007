// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { int32, oneOf, quantity, textMap, withDefault } from '../schema.ts';
import { kubernetesFields } from './pod-overlay.ts';

const enabled = () => withDefault(Type.Boolean(), true);
const port = (description: string) => int32({ minimum: 1, maximum: 65535, description });
const namespaces = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 63 }), {
    maxItems: 32,
    'x-kubernetes-list-type': 'atomic',
    description,
  });

/** What runs the model. */
export const engineSchema = Type.Object(
  {
    type: withDefault(
      oneOf(['vllm', 'sglang', 'simulator'], {
        description: 'simulator answers without a model and without accelerators.',
      }),
      'vllm',
    ),
    image: Type.Optional(Type.String()),
    imagePullPolicy: Type.Optional(oneOf(['Always', 'IfNotPresent', 'Never'])),
    args: Type.Optional(
      Type.Array(Type.String(), {
        'x-kubernetes-list-type': 'atomic',
        description: 'Arguments of the engine in both roles.',
      }),
    ),
    env: Type.Optional(textMap({ description: 'Environment of the engine in both roles.' })),
    blockSizeTokens: Type.Optional(
      int32({ minimum: 1, description: 'Tokens in a block of the cache. Default the engine’s.' }),
    ),
  },
  { description: 'What runs the model.' },
);

/** Metrics and alerts. */
export const monitoringSchema = Type.Object(
  {
    enabled: enabled(),
    intervalSeconds: withDefault(int32({ minimum: 1, description: 'Between two scrapes.' }), 15),
    alerts: withDefault(Type.Boolean({ description: 'Whether rules for alerts are made.' }), true),
    labels: Type.Optional(textMap({ description: 'Labels by which a Prometheus finds them.' })),
  },
  { description: 'Metrics and alerts, for the Prometheus operator.' },
);

/** Who may talk to whom. */
export const networkPolicySchema = Type.Object(
  {
    enabled: enabled(),
    gatewayNamespaces: Type.Optional(
      namespaces('Where proxies are. Default the namespaces of the gateways.'),
    ),
    monitoringNamespaces: Type.Optional(
      namespaces('Where metrics are read from. Default nowhere but the endpoint picker.'),
    ),
  },
  { description: 'Only proxies and the endpoint picker reach the servers.' },
);

/** What engines say about their caches. */
export const kvEventsSchema = Type.Object(
  {
    enabled: enabled(),
    port: withDefault(port('Where rank 0 publishes; further ranks follow.'), 5557),
    replayPort: withDefault(port('Where rank 0 repeats; further ranks follow.'), 5657),
    bufferSteps: Type.Optional(
      int32({ minimum: 1, description: 'Batches that can be repeated. Default the engine’s.' }),
    ),
    hashSeed: Type.Optional(
      Type.String({ maxLength: 64, description: 'Equal on all servers that share storage.' }),
    ),
  },
  { description: 'Engines publish what they cache, and the endpoint picker follows it.' },
);

/** Where blocks of the cache go that the accelerators have no room for. */
export const offloadSchema = Type.Object(
  {
    cpu: Type.Optional(
      Type.Object({ size: quantity({ description: 'Memory of a server, such as 200Gi.' }) }),
    ),
    disk: Type.Optional(
      Type.Object(
        {
          path: withDefault(
            Type.String({ minLength: 1, maxLength: 4096, pattern: '^/' }),
            '/var/cache/kv',
          ),
          volume: Type.Optional(
            kubernetesFields('Source of the volume that is mounted there. Default an emptyDir.'),
          ),
        },
        { description: 'Files behind the memory; needs cpu.' },
      ),
    ),
  },
  { description: 'Where blocks of the cache go that the accelerators have no room for.' },
);

/** What pods are allowed. */
export const securitySchema = Type.Object(
  {
    profile: withDefault(
      oneOf(['restricted', 'baseline', 'unset'], {
        description:
          'restricted: as the Pod Security Standard says. baseline: the image’s user. unset: the cluster’s defaults.',
      }),
      'restricted',
    ),
    runAsUser: Type.Optional(
      Type.Integer({
        format: 'int64',
        minimum: 0,
        description: 'Default 1000; none on OpenShift, which gives one.',
      }),
    ),
  },
  { description: 'What pods are allowed.' },
);
