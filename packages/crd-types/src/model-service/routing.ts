// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { rewriteRuleSchema } from '../inference-model-rewrite.ts';
import { groupSchema, kindSchema, nameSchema } from '../reference.ts';
import { int32, listByKey, oneOf, openObject, textMap, withDefault } from '../schema.ts';
import { modelNameSchema } from './model.ts';
import { containersSchema, kubernetesFields, podTemplateSchema } from './pod-overlay.ts';

const port = (description: string) => int32({ minimum: 1, maximum: 65535, description });

const gatewayRefs = Type.Array(
  Type.Object({
    group: groupSchema('gateway.networking.k8s.io'),
    kind: kindSchema('Gateway'),
    namespace: Type.Optional(Type.String({ minLength: 1, maxLength: 63 })),
    name: nameSchema(),
    sectionName: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
    port: Type.Optional(port('Port of the listener.')),
  }),
  { maxItems: 32, 'x-kubernetes-list-type': 'atomic', description: 'Gateways to be reached by.' },
);

/** Name and ports as the first version of the resource has them. */
export const routingSchema = Type.Object(
  {
    modelName: modelNameSchema('What requests call the model.'),
    ports: Type.Optional(
      Type.Array(
        Type.Object({
          name: Type.String(),
          port: int32({ minimum: 1, description: 'Its number.' }),
        }),
        { description: 'Ports by name, for templates of a BaseConfig.' },
      ),
    ),
    gatewayRefs: Type.Optional(gatewayRefs),
  },
  { description: 'What requests call the model, and which gateways lead to it.' },
);

const route = Type.Object(
  {
    hostnames: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 253 }), {
        maxItems: 16,
        'x-kubernetes-list-type': 'atomic',
      }),
    ),
    pathPrefix: Type.Optional(
      Type.String({
        maxLength: 1024,
        pattern: '^/',
        description: 'Only requests below it, and it is taken off. Default every request.',
      }),
    ),
    modelHeader: Type.Optional(
      Type.Boolean({
        description:
          'Only requests with X-Gateway-Base-Model-Name: for several models on a gateway.',
      }),
    ),
    timeoutSeconds: Type.Optional(
      int32({
        minimum: 0,
        description: 'Longest that an answer may take. 0 is no limit. Default 300.',
      }),
    ),
    annotations: Type.Optional(textMap({ description: 'Annotations of the route.' })),
  },
  { description: 'Which requests of the gateways are for this model.' },
);

const proxy = Type.Object(
  {
    image: Type.Optional(Type.String()),
    port: Type.Optional(port('Where clients connect. Default 8081.')),
    serviceType: Type.Optional(oneOf(['ClusterIP', 'NodePort', 'LoadBalancer'])),
    resources: Type.Optional(kubernetesFields('Requests and limits of the proxy.')),
  },
  { description: 'The proxy of the mode standalone.' },
);

/** How requests reach the model. */
export const gatewaySchema = Type.Object(
  {
    mode: Type.Optional(
      oneOf(['gateway', 'standalone', 'none'], {
        description:
          'gateway: an HTTPRoute. standalone: a proxy of our own. none: neither. Default gateway where gateways are named, else standalone.',
      }),
    ),
    gatewayRefs: Type.Optional(gatewayRefs),
    provider: withDefault(
      oneOf(
        ['auto', 'none', 'istio', 'gke', 'agentgateway', 'kgateway', 'envoy-gateway', 'nginx'],
        {
          description: 'Whose gateway it is. auto: what the cluster says.',
        },
      ),
      'auto',
    ),
    route: Type.Optional(route),
    proxy: Type.Optional(proxy),
    poolV1alpha2: Type.Optional(
      Type.Boolean({
        description: 'Makes the pool in inference.networking.x-k8s.io/v1alpha2 as well.',
      }),
    ),
  },
  { description: 'How requests reach the model.' },
);

/** Who chooses among the servers. */
export const endpointPickerSchema = Type.Object(
  {
    replicas: Type.Optional(
      int32({ minimum: 0, description: 'With more than one, one leads. Default 1.' }),
    ),
    image: Type.Optional(Type.String()),
    config: Type.Optional(
      openObject({}, { description: 'EndpointPickerConfig. Default what the preset has.' }),
    ),
    flags: Type.Optional(
      openObject(
        {},
        { description: 'Flags by name without dashes; text, numbers, true or false.' },
      ),
    ),
    resources: Type.Optional(kubernetesFields('Requests and limits.')),
    containers: Type.Optional(containersSchema('Laid over the containers, by name.')),
    initContainers: Type.Optional(containersSchema('Laid over the init containers, by name.')),
    template: Type.Optional(podTemplateSchema('Patch of the pod template, applied last.')),
    tls: withDefault(
      oneOf(['auto', 'on', 'off'], {
        description: 'TLS between proxy and endpoint picker. auto: what the gateway needs.',
      }),
      'auto',
    ),
    failureMode: withDefault(
      oneOf(['FailOpen', 'FailClose'], {
        description: 'What becomes of requests while the endpoint picker does not answer.',
      }),
      'FailOpen',
    ),
  },
  { description: 'Who chooses among the servers.' },
);

/** How a prompt and its answer are computed on different servers. */
export const disaggregationSchema = Type.Object(
  {
    connector: Type.Optional(
      oneOf(['nixlv2', 'shared-storage', 'sglang', 'mooncake', 'offloading'], {
        description:
          'How the cache gets from prefill to decode. Default nixlv2, with the engine sglang its own.',
      }),
    ),
    sideChannelPort: Type.Optional(port('Port of the hand-over. Default 5600.')),
    proxy: Type.Optional(
      Type.Object(
        {
          image: Type.Optional(Type.String()),
          port: Type.Optional(port('Where requests arrive. Default 8000.')),
          targetPort: Type.Optional(port('Where the engine behind it listens. Default 8200.')),
          secure: Type.Optional(
            Type.Boolean({ description: 'TLS towards clients. Default false.' }),
          ),
          flags: Type.Optional(openObject({}, { description: 'Further flags, by name.' })),
          resources: Type.Optional(kubernetesFields('Requests and limits.')),
        },
        { description: 'The routing sidecar of decode servers.' },
      ),
    ),
  },
  { description: 'How a prompt and its answer are computed on different servers.' },
);

const objectName = () =>
  Type.String({ minLength: 1, maxLength: 63, pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$' });

/** Classes of requests; clients name them in a header. */
export const objectivesSchema = listByKey(
  Type.Object({
    name: objectName(),
    priority: Type.Optional(int32({ description: 'Higher is served first. Unset counts as 0.' })),
  }),
  'name',
  { maxItems: 64, description: 'Classes of requests; clients name them in a header.' },
);

/** Models that requests are sent to instead of what they ask for. */
export const rewritesSchema = listByKey(
  Type.Object({
    name: objectName(),
    rules: Type.Array(rewriteRuleSchema, { maxItems: 32 }),
  }),
  'name',
  { maxItems: 64, description: 'Models that requests are sent to instead of what they ask for.' },
);
