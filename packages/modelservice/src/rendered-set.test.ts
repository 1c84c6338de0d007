import { admit, modelServices } from '@llm-d/crd-types';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { goldenObjects, goldens } from './golden.testing.ts';
import { flawsOf, templatesOf } from './rendered-set.testing.ts';
import { objectAt, objectsAt } from './json.ts';
import { renderModelService } from './render-model-service.ts';
import { presets } from './settings/presets.ts';

test.each(goldens)('$name holds together', ({ rendering }) => {
  expect(flawsOf(rendering.objects)).toEqual([]);
});

test.each([
  ['Service', /refers to Service .*, which is not there/],
  ['ServiceAccount', /refers to ServiceAccount/],
  ['ConfigMap', /refers to ConfigMap/],
  ['Role', /refers to Role/],
  ['Deployment', /selects nothing/],
])('without its %s it does not', (kind, flaw) => {
  const objects = goldenObjects('prefill-decode').filter((object) => object.kind !== kind);
  expect(flawsOf(objects)).toContainEqual(expect.stringMatching(flaw));
});

const name = fc
  .stringMatching(/^[a-z0-9]([-a-z0-9.]{0,70}[a-z0-9])?$/)
  .filter((text) => !/[.-][.-]/.test(text));
const uri = fc.constantFrom(
  'hf://org/model',
  'pvc://claim/a/b',
  'pvc+hf://claim/hub/org/model',
  'oci://r.io/model:1',
  's3://bucket/model',
  'gs://bucket/model',
);
const scaling = fc.record(
  {
    minReplicas: fc.integer({ min: 0, max: 2 }),
    maxReplicas: fc.integer({ min: 2, max: 9 }),
    by: fc.constantFrom('hpa', 'variant'),
  },
  { requiredKeys: ['maxReplicas'] },
);
const role = fc.oneof(
  fc.record(
    {
      replicas: fc.integer({ min: 0, max: 3 }),
      parallelism: fc.constantFrom(
        { tensor: 2 },
        { data: 16, dataLocal: 8 },
        { dataLocal: 2 },
        { workers: 2, dataLocal: 4 },
      ),
      accelerator: fc.constantFrom({ type: 'amd' }, { type: 'cpu' }, { dra: {} }, { count: 3 }),
      template: fc.constantFrom({}, { metadata: { labels: { 'llm-d.ai/role': 'x', a: 'b' } } }),
      labels: fc.constantFrom({}, { team: 'a' }),
      pdb: fc.constantFrom({}, { enabled: false }, { minAvailable: 1 }),
    },
    { requiredKeys: [] },
  ),
  fc.record({ scaling }),
);
const spec = fc.record(
  {
    preset: fc.constantFrom(...presets.keys()),
    model: fc.record(
      {
        uri,
        cache: fc.constantFrom(
          { pvc: { size: '1Gi' } },
          { emptyDir: {} },
          { hostPath: { path: '/a' } },
        ),
        loras: fc.constantFrom(
          [],
          [{ name: 'a', uri: 'pvc://c/a' }],
          [{ name: 'a', uri: 'oci://r.io/a:1' }],
        ),
      },
      { requiredKeys: ['uri'] },
    ),
    engine: fc.record({ type: fc.constantFrom('vllm', 'sglang', 'simulator') }),
    decode: role,
    prefill: role,
    gateway: fc.record(
      {
        mode: fc.constantFrom('gateway', 'standalone', 'none'),
        gatewayRefs: fc.constantFrom([{ name: 'g' }], []),
        provider: fc.constantFrom('auto', 'istio', 'gke', 'nginx'),
        poolV1alpha2: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    endpointPicker: fc.record({ replicas: fc.integer({ min: 1, max: 3 }) }, { requiredKeys: [] }),
    objectives: fc.constantFrom([], [{ name: 'a' }]),
    rewrites: fc.constantFrom([], [{ name: 'b'.repeat(60), rules: [] }]),
    monitoring: fc.constant({}),
    networkPolicy: fc.constant({}),
    kvEvents: fc.constant({}),
    offload: fc.constantFrom({}, { cpu: { size: '1Gi' }, disk: {} }),
    security: fc.constantFrom({}, { profile: 'baseline' }, { profile: 'unset' }),
  },
  { requiredKeys: ['model'] },
);
const service = fc.record({
  apiVersion: fc.constant('llm-d.ai/v1alpha1'),
  kind: fc.constant('ModelService'),
  metadata: fc.record({ name, namespace: fc.constant('models') }),
  spec,
});
const capabilities = fc.record(
  { imageVolume: fc.boolean(), openShift: fc.boolean(), sleepAction: fc.boolean() },
  { requiredKeys: [] },
);

test('whatever is admitted renders into objects that hold together, the same ones every time', () => {
  let rendered = 0;
  fc.assert(
    fc.property(service, capabilities, (value, cluster) => {
      const admission = admit(modelServices, value);
      if (!admission.admitted) return;
      const rendering = renderModelService(admission.object, { capabilities: cluster });
      expect(renderModelService(admission.object, { capabilities: cluster })).toEqual(rendering);
      if (rendering.problems.length > 0) {
        expect(rendering.objects).toEqual([]);
        return;
      }
      rendered += 1;
      expect(flawsOf(rendering.objects)).toEqual([]);
      for (const template of rendering.objects.flatMap(templatesOf))
        expect(podFlaws(template)).toEqual([]);
    }),
    { numRuns: 400 },
  );
  // Most of them do render, or nothing would have been shown.
  expect(rendered).toBeGreaterThan(100);
});

/** Mounts without a volume, names that are there twice, ports that are too. */
function podFlaws(template: object): readonly string[] {
  const pod = objectAt(template, 'spec');
  const volumes = objectsAt(pod, 'volumes').map((volume) => volume['name']);
  const containers = [...objectsAt(pod, 'containers'), ...objectsAt(pod, 'initContainers')];
  const mounts = containers.flatMap((container) => objectsAt(container, 'volumeMounts'));
  const ports = containers.flatMap((container) => objectsAt(container, 'ports'));
  const twice = (list: readonly unknown[]) => list.filter((item, at) => list.indexOf(item) !== at);
  return [
    ...mounts.filter(({ name: of }) => !volumes.includes(of)).map((mount) => JSON.stringify(mount)),
    ...twice(volumes).map((volume) => `volume ${String(volume)} twice`),
    ...twice(containers.map((container) => container['name'])).map(
      (c) => `container ${String(c)} twice`,
    ),
    ...twice(ports.map((port) => port['containerPort'])).map(
      (port) => `port ${String(port)} twice`,
    ),
    ...ports
      .filter((port) => String(port['name']).length > 15)
      .map((port) => `port ${String(port['name'])} is long`),
    ...containers.flatMap((container) =>
      twice(objectsAt(container, 'env').map((variable) => variable['name'])).map(
        (v) => `${String(v)} twice`,
      ),
    ),
  ];
}
