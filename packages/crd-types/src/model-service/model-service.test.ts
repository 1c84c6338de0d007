import { describe, expect, test } from 'vitest';
import { admit } from '../admission.ts';
import { renderCrd } from '../crd.ts';
import { modelServiceCases, firstVersionSpec } from './model-service-cases.testing.ts';
import { modelServices } from './model-service.ts';

const serviceOf = (spec: unknown) => ({
  apiVersion: 'llm-d.ai/v1alpha1',
  kind: 'ModelService',
  metadata: { name: 'a' },
  spec,
});
const admitted = (spec: unknown) => {
  const admission = admit(modelServices, serviceOf(spec));
  if (!admission.admitted) throw new Error(JSON.stringify(admission.problems));
  return admission.object;
};

test.each(modelServiceCases)('$title', ({ spec, problem }) => {
  const admission = admit(modelServices, serviceOf(spec));
  const paths = admission.admitted ? [] : admission.problems.map(({ path }) => path);
  if (problem === undefined) expect(admission).toMatchObject({ admitted: true });
  else expect(paths).toContain(problem);
});

test('a manifest of the first version keeps every field, and only gateways get defaults', () => {
  expect(admitted(firstVersionSpec).spec).toEqual({
    ...firstVersionSpec,
    routing: {
      ...firstVersionSpec.routing,
      gatewayRefs: [
        { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'inference-gateway' },
      ],
    },
    endpointPicker: { ...firstVersionSpec.endpointPicker, tls: 'auto', failureMode: 'FailOpen' },
  });
});

test('replicas have no default, so that a base configuration shines through', () => {
  const { decode } = admitted({ model: { uri: 'hf://a/b' }, decode: {} }).spec;
  expect(decode).toEqual({});
});

describe('the name of the model', () => {
  const before = admitted({ model: { uri: 'hf://a/b' }, routing: { modelName: 'm' } });

  test.each([
    ['may move to the other field', { model: { name: 'm', uri: 'hf://a/b' } }, true],
    ['must not change', { model: { name: 'n', uri: 'hf://a/b' } }, false],
    ['must not go', { model: { uri: 'hf://a/b' } }, false],
  ])('%s', (_, spec, allowed) => {
    expect(admit(modelServices, serviceOf(spec), { previous: before }).admitted).toBe(allowed);
  });
});

test('the definition has the short name and a status of its own', () => {
  expect(renderCrd(modelServices)).toMatchObject({
    metadata: { name: 'modelservices.llm-d.ai' },
    spec: { names: { shortNames: ['msvc'] }, versions: [{ subresources: { status: {} } }] },
  });
});
