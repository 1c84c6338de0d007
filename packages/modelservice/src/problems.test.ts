import { describe, expect, test } from 'vitest';
import { objectOf, serviceOf } from './golden.testing.ts';
import { objectAt, objectsAt, textsAt, type JsonObject } from './json.ts';
import { renderModelService } from './render-model-service.ts';
import { templatesOf } from './rendered-set.testing.ts';
import type { Surroundings } from './settings/settle.ts';

const model = { uri: 'hf://org/model' };
const problemsOf = (spec: object, surroundings: Surroundings = {}) =>
  renderModelService(serviceOf({ model, ...spec }), surroundings).problems.map(({ path }) => path);

test.each<[string, object, string[], Surroundings?]>([
  ['an unknown preset', { preset: 'fast' }, ['spec.preset']],
  ['a malformed uri', { model: { uri: 'hf://model' } }, ['spec.model.uri']],
  [
    'a malformed uri of an adapter',
    { model: { ...model, loras: [{ name: 'a', uri: 'pvc://a' }] } },
    ['spec.model.loras[0].uri'],
  ],
  [
    'workers that do not fit',
    { decode: { parallelism: { workers: 2 } } },
    ['spec.decode.parallelism'],
  ],
  [
    'an unknown accelerator',
    { decode: { accelerator: { type: 'abacus' } } },
    ['spec.decode.accelerator.type'],
  ],
  [
    'a claim of what has no class',
    { decode: { accelerator: { type: 'rebellions-atom', dra: {} } } },
    ['spec.decode.accelerator.dra.deviceClassName'],
  ],
  [
    'labels of ours',
    { decode: { labels: { 'llm-d.ai/role': 'x' } } },
    ['spec.decode.labels.llm-d.ai/role'],
  ],
  [
    'several pods of SGLang',
    { engine: { type: 'sglang' }, decode: { parallelism: { data: 4, workers: 2 } } },
    ['spec.decode.parallelism.workers'],
  ],
  [
    'different numbers of rank ports',
    { decode: { parallelism: { data: 4, workers: 2 } }, prefill: {} },
    ['spec.prefill.parallelism'],
  ],
  [
    'events on neighbouring ports',
    { kvEvents: { port: 5556, replayPort: 5557 }, decode: { parallelism: { data: 2 } } },
    ['spec.kvEvents.replayPort'],
  ],
  ['a gateway without a name', { gateway: { mode: 'gateway' } }, ['spec.gateway.gatewayRefs']],
  [
    'no Gateway API',
    { gateway: { gatewayRefs: [{ name: 'g' }] } },
    ['spec.gateway.mode'],
    { capabilities: { gatewayApi: false } },
  ],
  [
    'no LeaderWorkerSet',
    { decode: { parallelism: { data: 4, workers: 2 } } },
    ['spec.decode.parallelism'],
    { capabilities: { leaderWorkerSet: false } },
  ],
  [
    'no KEDA',
    { decode: { scaling: { maxReplicas: 2, by: 'keda' } } },
    ['spec.decode.scaling.by'],
    { capabilities: { keda: false } },
  ],
  [
    'KEDA that does not know where to ask',
    { decode: { scaling: { maxReplicas: 2, by: 'keda' } } },
    ['spec.decode.scaling.prometheusAddress'],
  ],
  ['files behind no memory', { offload: { disk: {} } }, ['spec.offload.disk']],
])('%s is a problem, and nothing is rendered', (_, spec, paths, surroundings) => {
  expect(problemsOf(spec, surroundings)).toEqual(paths);
});

describe('the engine’s command line', () => {
  const engineOf = (spec: object): JsonObject => {
    const { objects } = renderModelService(serviceOf({ model, ...spec }));
    const [template] = templatesOf(objectOf(objects, 'Deployment', 'svc-decode'));
    return objectsAt(objectAt(template, 'spec'), 'containers')[0] ?? {};
  };

  test('what a person states is neither repeated nor contradicted', () => {
    const args = ['--port=9000', '--served-model-name', 'x', '-tp=1', '--max-model-len=8'];
    const engine = engineOf({ decode: { parallelism: { tensor: 2 }, args } });
    expect(textsAt(engine, 'args').slice(0, 6)).toEqual(['org/model', ...args]);
    expect(textsAt(engine, 'args').filter((arg) => /--port|tensor|served/.test(arg))).toHaveLength(
      2,
    );
  });

  test('a model that is stated stays', () => {
    const engine = engineOf({ decode: { containers: [{ name: 'vllm', args: ['/my/model'] }] } });
    expect(textsAt(engine, 'args')[0]).toBe('/my/model');
    expect(textsAt(engine, 'args')).not.toContain('org/model');
  });

  test('a command of its own gets no arguments that it has not asked for', () => {
    const engine = engineOf({
      decode: { containers: [{ name: 'main', command: ['run'], args: ['a'] }] },
    });
    expect(engine).toMatchObject({ name: 'main', command: ['run'], args: ['a'] });
  });

  test('the simulator needs no accelerator', () => {
    expect(engineOf({ engine: { type: 'simulator' } })).not.toHaveProperty('resources.limits');
    expect(engineOf({ engine: { image: 'llm-d-inference-sim:1' } })).not.toHaveProperty(
      'resources.limits',
    );
  });

  test('a number of accelerators that is stated wins, with a note on the pod', () => {
    const { objects } = renderModelService(
      serviceOf({ model, decode: { resources: { limits: { 'nvidia.com/gpu': 4 } } } }),
    );
    const [template] = templatesOf(objectOf(objects, 'Deployment', 'svc-decode'));
    const engine = objectsAt(objectAt(template, 'spec'), 'containers')[0];
    expect(engine).toMatchObject({
      resources: { limits: { 'nvidia.com/gpu': 4 }, requests: { 'nvidia.com/gpu': 4 } },
    });
    expect(template).toMatchObject({
      metadata: {
        annotations: { 'llm-d.ai/accelerator-warning': expect.stringContaining('4 of') as string },
      },
    });
  });

  test('an image that cannot drain is not asked to', () => {
    const spec = { model, engine: { image: 'vllm/vllm-openai:v0.17.1' } };
    const { objects, warnings } = renderModelService(serviceOf(spec));
    expect(JSON.stringify(objects)).not.toContain('--shutdown-timeout');
    expect(warnings).toMatchObject([{ path: 'spec.decode.termination' }]);
  });
});

test('a patch of the template comes last, and labels of selectors stay', () => {
  const template = {
    metadata: { labels: { 'llm-d.ai/role': 'x', team: 'a' } },
    spec: { containers: [{ name: '$engine', image: 'mine' }], shareProcessNamespace: true },
  };
  const { objects } = renderModelService(serviceOf({ model, decode: { template } }));
  expect(templatesOf(objectOf(objects, 'Deployment', 'svc-decode'))[0]).toMatchObject({
    metadata: { labels: { 'llm-d.ai/role': 'decode', team: 'a' } },
    spec: { shareProcessNamespace: true, containers: [{ name: 'vllm', image: 'mine' }] },
  });
});

test('patches of the worker leave the leader alone', () => {
  const decode = {
    parallelism: { data: 4, workers: 2 },
    worker: { spec: { containers: [{ name: '$engine', image: 'worker' }] } },
  };
  const { objects } = renderModelService(serviceOf({ model, decode }));
  const images = templatesOf(objectOf(objects, 'LeaderWorkerSet')).map(
    (template) => objectsAt(objectAt(template, 'spec'), 'containers')[0]?.['image'],
  );
  expect(images).toEqual([expect.stringContaining('vllm'), 'worker']);
});
