// SPDX-License-Identifier: Apache-2.0
import type { AdmissionCase } from '../admission-cases.testing.ts';

const model = { uri: 'hf://org/model' };
const least = { model };
const decode = (role: object) => ({ ...least, decode: role });
const modelWith = (fields: object) => ({ model: { ...model, ...fields } });
const gateway = (fields: object) => ({ ...least, gateway: fields });

/** A manifest as the first version of the resource had it. */
export const firstVersionSpec = {
  decoupleScaling: false,
  baseConfigMapRef: { name: 'generic-base-config' },
  routing: {
    modelName: 'facebook/opt-125m',
    ports: [
      { name: 'app_port', port: 8000 },
      { name: 'internal_port', port: 8200 },
    ],
    gatewayRefs: [{ name: 'inference-gateway' }],
  },
  modelArtifacts: { uri: 'pvc://facebook-pvc/path/to/opt-125m', size: '1Gi' },
  decode: {
    replicas: 2,
    containers: [
      {
        name: 'vllm',
        args: ['/stored/models/{{ .ModelPath }}'],
        env: [
          { name: 'A', value: 'b' },
          { name: 'T', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
        envFrom: [{ configMapRef: { name: 'c' } }],
        resources: { limits: { 'nvidia.com/gpu': 1 }, requests: { cpu: '16' } },
        mountModelVolume: true,
      },
    ],
    parallelism: { tensor: 1 },
    acceleratorTypes: { labelKey: 'nvidia.com/gpu.product', labelValues: ['NVIDIA-A100'] },
  },
  prefill: { replicas: 0, initContainers: [{ name: 'a', image: 'b', command: ['c'] }] },
  endpointPicker: { replicas: 1, containers: [{ name: 'epp' }] },
};

/** Specs of model services. */
export const modelServiceCases: readonly AdmissionCase[] = [
  { title: 'the least', spec: least },
  { title: 'a manifest of the first version', spec: firstVersionSpec },
  {
    title: 'a malformed uri in the first version’s field',
    spec: { ...firstVersionSpec, modelArtifacts: { uri: 'hf:/a' } },
  },
  { title: 'no model', spec: {}, problem: 'spec' },
  { title: 'a name but no place', spec: { model: { name: 'a' } }, problem: 'spec' },
  {
    title: 'the uri in the first version’s field only',
    spec: { routing: { modelName: 'a' }, modelArtifacts: { uri: 'hf://a/b' } },
  },
  { title: 'an unknown scheme', spec: { model: { uri: 'ftp://a/b' } }, problem: 'spec.model.uri' },
  {
    title: 'a scheme and nothing else',
    spec: { model: { uri: 's3://' } },
    problem: 'spec.model.uri',
  },
  {
    title: 'two different names',
    spec: { model: { ...model, name: 'a' }, routing: { modelName: 'b' } },
    problem: 'spec',
  },
  {
    title: 'the same name twice',
    spec: { model: { ...model, name: 'a' }, routing: { modelName: 'a' } },
  },
  {
    title: 'a name that is too long',
    spec: modelWith({ name: 'n'.repeat(257) }),
    problem: 'spec.model.name',
  },
  {
    title: 'a secret for a claim',
    spec: { model: { uri: 'pvc://a/b', authSecretRef: { name: 's' } } },
    problem: 'spec.model',
  },
  { title: 'a secret for a hub', spec: modelWith({ authSecretRef: { name: 's' } }) },
  { title: 'a claim that is there', spec: modelWith({ cache: { pvc: { claimName: 'a' } } }) },
  { title: 'a claim that is made', spec: modelWith({ cache: { pvc: { size: '1Ti' } } }) },
  {
    title: 'a claim that is both',
    spec: modelWith({ cache: { pvc: { size: 1, claimName: 'a' } } }),
    problem: 'spec.model.cache.pvc',
  },
  {
    title: 'two caches',
    spec: modelWith({ cache: { emptyDir: {}, hostPath: { path: '/a' } } }),
    problem: 'spec.model.cache',
  },
  {
    title: 'a size that is no amount',
    spec: modelWith({ size: 'big' }),
    problem: 'spec.model.size',
  },
  {
    title: 'one adapter twice',
    spec: modelWith({
      loras: [
        { name: 'a', uri: 'hf://a/b' },
        { name: 'a', uri: 'hf://a/c' },
      ],
    }),
    problem: 'spec.model.loras[1]',
  },
  { title: 'no replicas', spec: decode({ replicas: 0 }) },
  {
    title: 'fewer than no replicas',
    spec: decode({ replicas: -1 }),
    problem: 'spec.decode.replicas',
  },
  {
    title: 'replicas and scaling',
    spec: decode({ replicas: 1, scaling: { maxReplicas: 3 } }),
    problem: 'spec.decode',
  },
  { title: 'scaling', spec: decode({ scaling: { maxReplicas: 3 } }) },
  {
    title: 'a least number above the greatest',
    spec: decode({ scaling: { minReplicas: 4, maxReplicas: 3 } }),
    problem: 'spec.decode.scaling',
  },
  { title: 'prefill alone', spec: { ...least, prefill: {} }, problem: 'spec' },
  { title: 'prefill with a preset', spec: { ...least, preset: 'wide-ep', prefill: {} } },
  { title: 'prefill and decode', spec: { ...least, prefill: {}, decode: {} } },
  {
    title: 'dataLocal that does not divide data',
    spec: decode({ parallelism: { data: 8, dataLocal: 3 } }),
    problem: 'spec.decode.parallelism',
  },
  {
    title: 'dataLocal that divides data',
    spec: decode({ parallelism: { data: 8, dataLocal: 4 } }),
  },
  {
    title: 'workers that do not divide data',
    spec: decode({ parallelism: { data: 8, workers: 3 } }),
    problem: 'spec.decode.parallelism',
  },
  {
    title: 'a worker of an engine with one pod',
    spec: decode({ worker: { spec: {} } }),
    problem: 'spec.decode',
  },
  {
    title: 'a worker of an engine with one pod, said so',
    spec: decode({ worker: { spec: {} }, parallelism: { workers: 1 } }),
    problem: 'spec.decode',
  },
  {
    title: 'a worker of an engine with two pods',
    spec: decode({ worker: { spec: {} }, parallelism: { data: 16, dataLocal: 8 } }),
  },
  {
    title: 'both kinds of disruption budget',
    spec: decode({ pdb: { minAvailable: 1, maxUnavailable: '25%' } }),
    problem: 'spec.decode.pdb',
  },
  { title: 'a share that may be away', spec: decode({ pdb: { maxUnavailable: '25%' } }) },
  { title: 'defaults of termination', spec: decode({ termination: {} }) },
  {
    title: 'a patch with fields of its own and nulls',
    spec: decode({ template: { spec: { hostIPC: true, nodeSelector: { a: null } } } }),
  },
  {
    title: 'a container without a name',
    spec: decode({ containers: [{ image: 'a' }] }),
    problem: 'spec.decode.containers[0]',
  },
  {
    title: 'one container twice',
    spec: decode({ containers: [{ name: 'a' }, { name: 'a' }] }),
    problem: 'spec.decode.containers[1]',
  },
  {
    title: 'a container with further fields',
    spec: decode({ containers: [{ name: 'a', livenessProbe: { exec: { command: ['a'] } } }] }),
  },
  { title: 'an unknown mode', spec: gateway({ mode: 'mesh' }), problem: 'spec.gateway.mode' },
  { title: 'a gateway with its defaults', spec: gateway({ gatewayRefs: [{ name: 'g' }] }) },
  {
    title: 'a path that is none',
    spec: gateway({ route: { pathPrefix: 'a' } }),
    problem: 'spec.gateway.route.pathPrefix',
  },
  {
    title: 'a picker with a configuration and flags',
    spec: {
      ...least,
      endpointPicker: {
        config: { plugins: [{ type: 'queue-scorer' }] },
        flags: { v: 4, 'secure-serving': false },
      },
    },
  },
  {
    title: 'objectives and rewrites',
    spec: {
      ...least,
      objectives: [{ name: 'interactive', priority: 10 }],
      rewrites: [{ name: 'canary', rules: [{ targets: [{ modelRewrite: 'b', weight: 1 }] }] }],
    },
  },
  {
    title: 'an objective that cannot be an object',
    spec: { ...least, objectives: [{ name: 'A b' }] },
    problem: 'spec.objectives[0].name',
  },
  {
    title: 'everything about operation with its defaults',
    spec: { ...least, monitoring: {}, networkPolicy: {}, kvEvents: {}, offload: {}, security: {} },
  },
];
