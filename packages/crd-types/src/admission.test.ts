import { describe, expect, test } from 'vitest';
import { admit } from './admission.ts';
import {
  objectiveCases,
  poolCases,
  rewriteCases,
  type AdmissionCase,
} from './admission-cases.testing.ts';
import type { CustomResource } from './custom-resource.ts';
import { inferenceModelRewrites } from './inference-model-rewrite.ts';
import { inferenceObjectives } from './inference-objective.ts';
import { inferencePools } from './inference-pool.ts';
import { apiVersionOf } from './kube-object.ts';

const objectOf = (resource: CustomResource, parts: object) => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  metadata: { name: 'a' },
  ...parts,
});

describe.each<{ resource: CustomResource; cases: readonly AdmissionCase[] }>([
  { resource: inferencePools, cases: poolCases },
  { resource: inferenceObjectives, cases: objectiveCases },
  { resource: inferenceModelRewrites, cases: rewriteCases },
])('$resource.kind', ({ resource, cases }) => {
  test.each(cases)('$title', ({ spec, problem }) => {
    const admission = admit(resource, objectOf(resource, { spec }));
    const paths = admission.admitted ? [] : admission.problems.map(({ path }) => path);
    if (problem === undefined) expect(admission).toMatchObject({ admitted: true });
    else expect(paths).toContain(problem);
  });
});

test('unknown fields and nulls go, defaults come, the argument stays as it is', () => {
  const given = objectOf(inferencePools, {
    spec: {
      selector: { matchLabels: { app: 'vllm', gone: null } },
      targetPorts: [{ number: 8000, name: 'http' }],
      appProtocol: null,
      endpointPickerRef: { name: 'epp', port: { number: 9002 } },
      legacy: true,
    },
  });
  const before = structuredClone(given);
  const admission = admit(inferencePools, given);
  expect(admission).toEqual({
    admitted: true,
    object: objectOf(inferencePools, {
      spec: {
        selector: { matchLabels: { app: 'vllm' } },
        targetPorts: [{ number: 8000 }],
        appProtocol: 'http',
        endpointPickerRef: {
          group: '',
          kind: 'Service',
          name: 'epp',
          port: { number: 9002 },
          failureMode: 'FailClose',
        },
      },
    }),
  });
  expect(given).toEqual(before);
});

test('an empty status gets the condition that the documents call pending', () => {
  const admission = admit(inferenceObjectives, objectOf(inferenceObjectives, { status: {} }));
  expect(admission).toMatchObject({
    object: { status: { conditions: [{ type: 'Ready', status: 'Unknown', reason: 'Pending' }] } },
  });
});

test('two conditions of one type are refused', () => {
  const condition = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const status = { conditions: [condition, condition] };
  expect(admit(inferenceObjectives, objectOf(inferenceObjectives, { status }))).toEqual({
    admitted: false,
    problems: [{ path: 'status.conditions[1]', message: 'repeats type' }],
  });
});

test.each([
  ['nothing', undefined, ['']],
  ['an empty object', {}, ['apiVersion', 'kind', 'metadata.name', 'spec']],
  [
    'an object of the other group',
    {
      apiVersion: 'inference.networking.x-k8s.io/v1alpha2',
      kind: 'InferencePool',
      metadata: { name: 'A' },
      spec: poolCases[0]?.spec,
    },
    ['apiVersion', 'metadata.name'],
  ],
])('%s is refused for what it is', (_, value, paths) => {
  const admission = admit(inferencePools, value);
  expect(admission.admitted ? [] : admission.problems.map(({ path }) => path)).toEqual(paths);
});

test('a field named like a method of every object is unknown', () => {
  const spec = { poolRef: { name: 'a' }, constructor: 'x', toString: 1 };
  const admission = admit(inferenceObjectives, objectOf(inferenceObjectives, { spec }));
  expect(admission.admitted && Object.keys(admission.object.spec ?? {})).toEqual(['poolRef']);
});
