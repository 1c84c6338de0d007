import {
  findControlPlane,
  findInferenceExtensionCrds,
  readCrds,
  startControlPlane,
  type ControlPlane,
} from '@llm-d/test-kit/kubernetes';
import { isSkipped, pathOf, titleWith } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { admit } from './admission.ts';
import {
  objectiveCases,
  poolCases,
  rewriteCases,
  type AdmissionCase,
} from './admission-cases.testing.ts';
import { renderCrd, renderCrdYaml } from './crd.ts';
import type { CustomResource } from './custom-resource.ts';
import { inferenceModelRewrites, inferenceModelRewritesX } from './inference-model-rewrite.ts';
import { inferenceObjectives, inferenceObjectivesX } from './inference-objective.ts';
import { inferencePools } from './inference-pool.ts';
import { apiVersionOf } from './kube-object.ts';
import { modelServiceCases } from './model-service/model-service-cases.testing.ts';
import { modelServices, type ModelService } from './model-service/model-service.ts';

/** The foreign resource rendered by us, in a group of our own so that it can stand beside the original. */
const renderedPools = { ...inferencePools, group: 'rendered.llm-d.ai' };
const rendered: readonly CustomResource[] = [
  inferenceObjectives,
  inferenceModelRewrites,
  modelServices,
  renderedPools,
];

test('the YAML is the object', () => {
  expect(parse(renderCrdYaml(renderedPools))).toEqual(renderCrd(renderedPools));
});

test('a field with a default is not required of clients', () => {
  expect(renderCrd(renderedPools)).toHaveProperty(
    'spec.versions[0].schema.openAPIV3Schema.properties.spec.required',
    ['selector', 'targetPorts', 'endpointPickerRef'],
  );
});

const programs = await findControlPlane();
const extension = await findInferenceExtensionCrds();
const part = 'missing' in programs ? programs : extension;

describe.skipIf(isSkipped(part))(titleWith('a real API server', part), { timeout: 60_000 }, () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    const crds = [...(await readCrds(pathOf(extension))), ...rendered.map(renderCrd)];
    plane = await startControlPlane({ crds });
  }, 120_000);
  afterAll(() => plane[Symbol.asyncDispose]());

  test.each(rendered)(
    'takes the CRD of $kind without a warning about its schema',
    async (resource) => {
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      const { body } = await plane.ask('GET', `${path}/${resource.plural}.${resource.group}`);
      const { conditions } = (
        body as { status: { conditions: { type: string; status: string }[] } }
      ).status;
      expect(conditions.map(({ type, status }) => `${type} ${status}`).sort()).toEqual([
        'Established True',
        'NamesAccepted True',
      ]);
    },
  );

  describe.each<{ of: string; resource: CustomResource; cases: readonly AdmissionCase[] }>([
    { of: 'the extension', resource: inferencePools, cases: poolCases },
    { of: 'our rendering', resource: renderedPools, cases: poolCases },
    { of: 'ours', resource: inferenceObjectives, cases: objectiveCases },
    { of: 'the extension', resource: inferenceObjectivesX, cases: objectiveCases },
    { of: 'ours', resource: inferenceModelRewrites, cases: rewriteCases },
    { of: 'ours', resource: modelServices, cases: modelServiceCases },
    { of: 'the extension', resource: inferenceModelRewritesX, cases: rewriteCases },
  ])('$resource.kind with the CRD of $of', ({ resource, cases }) => {
    test.each(cases)('is treated as in TypeScript: $title', async ({ spec }) => {
      const apiVersion = apiVersionOf(resource);
      const object = { apiVersion, kind: resource.kind, metadata: { name: 'a' }, spec };
      const path = `/apis/${apiVersion}/namespaces/default/${resource.plural}?dryRun=All`;
      const answer = await plane.ask('POST', path, object);
      const here = admit(resource, object);
      expect({ status: answer.status, spec: (answer.body as { spec?: unknown }).spec }).toEqual(
        here.admitted
          ? { status: 201, spec: (here.object as { spec?: unknown }).spec }
          : { status: 422, spec: undefined },
      );
    });
  });

  test('the name of a served model cannot be changed in either', async () => {
    const apiVersion = apiVersionOf(modelServices);
    const path = `/apis/${apiVersion}/namespaces/default/modelservices`;
    const named = (name: string) => ({ model: { name, uri: 'hf://a/b' } });
    const object = { apiVersion, kind: 'ModelService', metadata: { name: 'n' }, spec: named('a') };
    const { body } = await plane.ask('POST', path, object);
    const stored = body as ModelService;
    const change = { ...stored, spec: named('b') };
    expect((await plane.ask('PUT', `${path}/n`, change)).status).toBe(422);
    expect(admit(modelServices, change, { previous: stored }).admitted).toBe(false);
    const same = { ...stored, spec: { ...named('a'), decode: { replicas: 0 } } };
    expect((await plane.ask('PUT', `${path}/n`, same)).status).toBe(200);
    expect(admit(modelServices, same, { previous: stored }).admitted).toBe(true);
  });

  test('a number beyond 32 bits is refused by both', async () => {
    const apiVersion = apiVersionOf(inferenceObjectives);
    const spec = { poolRef: { name: 'a' }, priority: 2 ** 31 };
    const object = { apiVersion, kind: 'InferenceObjective', metadata: { name: 'a' }, spec };
    const path = `/apis/${apiVersion}/namespaces/default/inferenceobjectives?dryRun=All`;
    expect((await plane.ask('POST', path, object)).status).toBe(422);
    expect(admit(inferenceObjectives, object).admitted).toBe(false);
  });

  test('the status is written beside the spec', async () => {
    const apiVersion = apiVersionOf(inferenceObjectives);
    const path = `/apis/${apiVersion}/namespaces/default/inferenceobjectives`;
    const object = {
      apiVersion,
      kind: 'InferenceObjective',
      metadata: { name: 'a' },
      spec: { poolRef: { name: 'p' } },
      status: {},
    };
    const { body: created } = await plane.ask('POST', path, object);
    expect(created).not.toHaveProperty('status');
    const { body } = await plane.ask('PUT', `${path}/a/status`, {
      ...(created as object),
      spec: { poolRef: { name: 'other' } },
      status: {},
    });
    expect(body).toMatchObject({
      spec: { poolRef: { name: 'p' } },
      status: admitted({ ...object, status: {} }).status,
    });
  });
});

function admitted(object: unknown) {
  const admission = admit(inferenceObjectives, object);
  if (!admission.admitted) throw new Error(JSON.stringify(admission.problems));
  return admission.object;
}
