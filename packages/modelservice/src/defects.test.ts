// What went wrong in the first ModelService controller, each once. Those that only a controller can get wrong are:
// 2 and 3 (references in the status), 4 (pruning; here only that what is not asked for is not rendered), 12 (watching
// the BaseConfig), 14 (names that are unique over objects), 15 (times of conditions), 16 (its permissions) and 17 (its
// start without optional resources; here only that they are left out).
import { describe, expect, test } from 'vitest';
import { goldenObjects, objectOf, serviceOf } from './golden.testing.ts';
import { objectAt, objectsAt, textsAt, type JsonObject } from './json.ts';
import { renderModelService } from './render-model-service.ts';
import { templatesOf } from './rendered-set.testing.ts';
import type { Surroundings } from './settings/settle.ts';

const deployment = (containers: string, volumes = '[]'): string => `
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  template: { spec: { containers: ${containers}, volumes: ${volumes} } }
`;
const render = (spec: object, surroundings: Surroundings = {}) =>
  renderModelService(serviceOf(spec), surroundings);
const based = (spec: object, data: Record<string, string>, surroundings: Surroundings = {}) =>
  render(
    {
      baseConfigMapRef: { name: 'base' },
      routing: { modelName: 'm' },
      modelArtifacts: { uri: 'hf://org/model' },
      ...spec,
    },
    { baseConfig: data, ...surroundings },
  );
const podOf = (
  rendering: { objects: Parameters<typeof objectOf>[0] },
  name = 'svc-decode',
): JsonObject => objectAt(templatesOf(objectOf(rendering.objects, 'Deployment', name))[0], 'spec');
const engineOf = (pod: JsonObject): JsonObject => objectsAt(pod, 'containers')[0] ?? {};

test('1: a container that mounts the model keeps its own environment', () => {
  const rendering = based(
    {
      decode: {
        containers: [{ name: 'vllm', mountModelVolume: true, env: [{ name: 'MINE', value: 'a' }] }],
      },
    },
    { decodeDeployment: deployment('[{ name: vllm, env: [{ name: BASE, value: b }] }]') },
  );
  const env = objectsAt(engineOf(podOf(rendering)), 'env').map(({ name }) => name);
  expect([...env].sort()).toEqual(['BASE', 'HF_HOME', 'MINE']);
});

describe('4: nothing is rendered that is not asked for', () => {
  const data = {
    decodeDeployment: deployment('[{ name: vllm }]'),
    prefillDeployment: deployment('[{ name: vllm }]'),
    prefillService: 'spec: { ports: [{ port: 1 }] }',
  };

  test('a role that the ModelService has not', () => {
    const names = based({ decode: {} }, data).objects.map(({ metadata }) => metadata.name);
    expect(names).not.toContain('svc-prefill');
    expect(names).not.toContain('svc-service-prefill');
  });

  test('a key that the BaseConfig has not', () => {
    const kinds = based({ decode: {} }, data).objects.map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(['ServiceAccount', 'Deployment']));
  });
});

test.each([[0], [2]])('5: %d replicas are %d replicas', (replicas) => {
  const rendering = based(
    { decode: { replicas } },
    { decodeDeployment: deployment('[{ name: vllm }]') },
  );
  expect(objectOf(rendering.objects, 'Deployment')).toMatchObject({ spec: { replicas } });
  const managed = render({ model: { uri: 'hf://a/b' }, decode: { replicas } });
  expect(objectOf(managed.objects, 'Deployment', 'svc-decode')).toMatchObject({
    spec: { replicas },
  });
});

test('6: parallelism reaches the engine, also one of a BaseConfig', () => {
  const data = { decodeDeployment: deployment('[{ name: vllm, args: [--port, "8000"] }]') };
  const rendering = based({ decode: { parallelism: { tensor: 2 } } }, data);
  expect(textsAt(engineOf(podOf(rendering)), 'args')).toEqual([
    '--port',
    '8000',
    '--tensor-parallel-size=2',
  ]);
});

test('7: all problems are told, each with its place', () => {
  const { problems, objects } = based(
    { decode: { containers: [{ name: 'vllm', args: ['{{ .Nobody }}'] }] }, prefill: {} },
    {
      decodeDeployment: 'a: {{ env "HOME" }}',
      prefillDeployment: 'a: [',
      inferencePool: '- a',
    },
  );
  expect(objects).toEqual([]);
  expect(problems.map(({ path }) => path)).toEqual([
    'spec.decode.containers[0].args[0]',
    'baseConfig.decodeDeployment',
    'baseConfig.prefillDeployment',
    'baseConfig.inferencePool',
    'spec.decode',
    'spec.prefill',
  ]);
});

test.each(['hf://gpt2', 'hf:/a/b', 'oci:///', 'ftp://a/b', ''])(
  '8: the uri %j is a problem',
  (uri) => {
    const { problems } = render({ routing: { modelName: 'm' }, modelArtifacts: { uri } });
    expect(problems).toMatchObject([{ path: 'spec.modelArtifacts.uri' }]);
  },
);

test.each([
  [
    'the same kind',
    '[{ name: model-storage, emptyDir: { sizeLimit: 20Gi } }]',
    { emptyDir: { sizeLimit: '1Gi' } },
  ],
  [
    'another kind',
    '[{ name: model-storage, hostPath: { path: /a } }]',
    { emptyDir: { sizeLimit: '1Gi' } },
  ],
])('9: the model’s volume is there once where the BaseConfig declares %s', (_, volumes, source) => {
  const rendering = based(
    { modelArtifacts: { uri: 'hf://org/model', size: '1Gi' }, decode: {} },
    { decodeDeployment: deployment('[{ name: vllm }]', volumes) },
  );
  expect(objectsAt(podOf(rendering), 'volumes')).toEqual([{ name: 'model-storage', ...source }]);
});

test('10: a template does not see the environment', () => {
  const { problems } = based({ decode: {} }, { decodeDeployment: '{{ env "PATH" }}' });
  expect(problems[0]?.message).toBe('line 1, column 4: env: templates do not see the environment');
});

test('11: a BaseConfig of another namespace needs leave', () => {
  const data = { decodeDeployment: deployment('[{ name: vllm }]') };
  const elsewhere = { baseConfigMapRef: { name: 'base', namespace: 'platform' }, decode: {} };
  expect(based(elsewhere, data).problems).toMatchObject([
    { path: 'spec.baseConfigMapRef.namespace' },
  ]);
  expect(based(elsewhere, data, { capabilities: { foreignBaseConfig: true } }).problems).toEqual(
    [],
  );
  const own = { baseConfigMapRef: { name: 'base', namespace: 'models' }, decode: {} };
  expect(based(own, data).problems).toEqual([]);
});

test('a BaseConfig that is not there is a problem, not a service without it', () => {
  expect(
    render({ baseConfigMapRef: { name: 'gone' }, model: { uri: 'hf://a/b' } }).problems,
  ).toEqual([{ path: 'spec.baseConfigMapRef', message: 'there is no ConfigMap gone' }]);
});

test('13: two names that must be changed become two names', () => {
  const spec = { model: { uri: 'hf://a/b' } };
  const namesOf = (name: string) =>
    renderModelService(serviceOf(spec, { name })).objects.map(
      ({ kind, metadata }) => `${kind} ${metadata.name}`,
    );
  const [dotted, dashed] = [namesOf('a.b'), namesOf('a-b')];
  expect(dotted.filter((name) => dashed.includes(name))).toEqual([]);
});

test('17: optional resources that the cluster has not are left out with a warning', () => {
  const { objects, warnings } = render(
    { model: { uri: 'hf://a/b' }, monitoring: {}, objectives: [{ name: 'a' }] },
    {
      capabilities: {
        prometheusOperator: false,
        objectives: false,
        inferencePool: false,
        gatewayApi: false,
      },
    },
  );
  expect(warnings.map(({ path }) => path)).toEqual(['spec.objectives', 'spec.monitoring']);
  const groups = objects.map(({ apiVersion }) => apiVersion.split('/')[0]);
  expect(groups.filter((group) => /inference|monitoring|gateway/.test(group ?? ''))).toEqual([]);
  const args = textsAt(engineOf(podOf({ objects }, 'svc-epp')), 'args');
  expect(args).toContain(
    '--endpoint-selector=llm-d.ai/model-service=svc,llm-d.ai/inference-serving=true',
  );
});

test('18: a route that only names gateways leads to the pool', () => {
  const rendering = based(
    { routing: { modelName: 'm', gatewayRefs: [{ name: 'g' }] }, decode: {} },
    { decodeDeployment: deployment('[{ name: vllm }]') },
  );
  expect(objectOf(rendering.objects, 'HTTPRoute')).toMatchObject({
    spec: {
      parentRefs: [{ name: 'g' }],
      rules: [{ backendRefs: [{ kind: 'InferencePool', name: 'svc-inference-pool' }] }],
    },
  });
  expect(objectOf(rendering.objects, 'InferencePool', 'svc-inference-pool')).toBeDefined();
});

test('19: replicas of the BaseConfig count where the ModelService states none', () => {
  const rendering = based({ decode: {} }, { decodeDeployment: deployment('[{ name: vllm }]') });
  expect(objectOf(rendering.objects, 'Deployment')).toMatchObject({ spec: { replicas: 3 } });
});

test('20: every argument of the endpoint picker is a flag', () => {
  const words = goldenObjects('hf-minimal').flatMap((object) => {
    const containers = templatesOf(object).flatMap((template) =>
      objectsAt(objectAt(template, 'spec'), 'containers'),
    );
    return containers
      .filter(({ name }) => name === 'epp')
      .flatMap((container) => textsAt(container, 'args'));
  });
  expect(words.length).toBeGreaterThan(0);
  expect(words.filter((word) => !/^--[a-z-]+=./.test(word))).toEqual([]);
});

describe('replicas that somebody else decides about', () => {
  const data = { decodeDeployment: deployment('[{ name: vllm }]') };

  test.each([
    ['decoupled', { decoupleScaling: true, decode: { replicas: 10 } }, 10],
    ['scaled', { decode: { scaling: { minReplicas: 2, maxReplicas: 4 } } }, 2],
  ])('%s they are not written, only begun with', (_, spec, replicas) => {
    for (const rendering of [render({ model: { uri: 'hf://a/b' }, ...spec }), based(spec, data)]) {
      const object = objectOf(rendering.objects, 'Deployment', 'svc-decode');
      expect(objectAt(object, 'spec')).not.toHaveProperty('replicas');
      expect(rendering.initialReplicas).toEqual([
        { apiVersion: 'apps/v1', kind: 'Deployment', name: 'svc-decode', replicas },
      ]);
    }
  });
});

test('arguments of the ModelService stand before those of the BaseConfig, and a command replaces', () => {
  const rendering = based(
    {
      decode: { containers: [{ name: 'vllm', args: ['{{ .HFModelName }}'], command: ['serve'] }] },
    },
    { decodeDeployment: deployment('[{ name: vllm, command: [a], args: [--x] }]') },
  );
  expect(engineOf(podOf(rendering))).toMatchObject({
    command: ['serve'],
    args: ['org/model', '--x'],
  });
});

test('a pool of the former group becomes a current one where the cluster knows no other', () => {
  const capabilities = { inferencePoolV1alpha2: false };
  const rendering = based(
    { decode: {} },
    {
      decodeDeployment: deployment('[{ name: vllm }]'),
      eppService: 'spec: { ports: [{ port: 9002 }] }',
      inferencePool:
        'apiVersion: inference.networking.x-k8s.io/v1alpha2\nspec: { targetPortNumber: 8001 }',
      inferenceModel: 'spec: {}',
      httpRoute:
        'spec: { rules: [{ backendRefs: [{ group: inference.networking.x-k8s.io, kind: InferencePool, name: "{{ .InferencePoolName }}", port: 8001 }] }] }',
    },
    { capabilities },
  );
  expect(objectOf(rendering.objects, 'InferencePool')).toMatchObject({
    apiVersion: 'inference.networking.k8s.io/v1',
    spec: {
      targetPorts: [{ number: 8001 }],
      endpointPickerRef: { name: 'svc-epp-service', port: { number: 9002 } },
    },
  });
  expect(objectOf(rendering.objects, 'HTTPRoute')).toMatchObject({
    spec: {
      rules: [
        { backendRefs: [{ group: 'inference.networking.k8s.io', name: 'svc-inference-pool' }] },
      ],
    },
  });
  expect(rendering.warnings).toMatchObject([{ path: 'baseConfig.inferenceModel' }]);
});
