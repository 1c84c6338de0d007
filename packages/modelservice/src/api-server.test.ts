import {
  findControlPlane,
  findGatewayApiCrds,
  findInferenceExtensionCrds,
  findIstioCrds,
  readCrds,
  startControlPlane,
  type ControlPlane,
} from '@llm-d/test-kit/kubernetes';
import { isSkipped, pathOf, titleWith } from '@llm-d/test-kit';
import { inferenceModelRewrites, inferenceObjectives, renderCrd } from '@llm-d/crd-types';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goldens } from './golden.testing.ts';

/** Kinds that the API server knows here, with their names in URLs. */
const plurals: Readonly<Record<string, string>> = {
  ConfigMap: 'configmaps',
  Deployment: 'deployments',
  DestinationRule: 'destinationrules',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
  HTTPRoute: 'httproutes',
  InferenceModelRewrite: 'inferencemodelrewrites',
  InferenceObjective: 'inferenceobjectives',
  NetworkPolicy: 'networkpolicies',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  PodDisruptionBudget: 'poddisruptionbudgets',
  ResourceClaimTemplate: 'resourceclaimtemplates',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  Service: 'services',
  ServiceAccount: 'serviceaccounts',
};
const foreign = [
  'GCPBackendPolicy',
  'HealthCheckPolicy',
  'InferenceModel',
  'LeaderWorkerSet',
  'PodMonitor',
  'PrometheusRule',
  'ScaledObject',
  'ServiceMonitor',
];

const objects = goldens.flatMap(({ name, rendering }) =>
  rendering.objects.map((object) => ({
    name,
    object,
    kind: object.kind,
    id: object.metadata.name,
  })),
);
const pluralOf = (object: { kind: string; apiVersion: string }): string | undefined =>
  object.kind === 'InferencePool'
    ? object.apiVersion.endsWith('/v1')
      ? 'inferencepools'
      : undefined
    : plurals[object.kind];
const known = objects.filter(({ object }) => pluralOf(object) !== undefined);

test('every kind is either checked or named here', () => {
  const kinds = objects
    .filter(({ object }) => pluralOf(object) === undefined)
    .map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind !== 'InferencePool' && !foreign.includes(kind))).toEqual([]);
});

const crds = [
  await findInferenceExtensionCrds(),
  await findGatewayApiCrds(),
  await findIstioCrds(),
];
const programs = await findControlPlane();
const part = 'missing' in programs ? programs : (crds.find(isSkipped) ?? crds[0] ?? programs);

describe.skipIf(isSkipped(part))(titleWith('a real API server', part), { timeout: 60_000 }, () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    const read = await Promise.all(crds.map((crd) => readCrds(pathOf(crd))));
    const ours = [inferenceObjectives, inferenceModelRewrites].map(renderCrd);
    plane = await startControlPlane({ crds: [...read.flat(), ...ours] });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'models' } };
    await plane.ask('POST', '/api/v1/namespaces', namespace);
  }, 120_000);
  afterAll(() => plane[Symbol.asyncDispose]());

  test.each(known)('takes $kind $id of $name, strictly', async ({ object }) => {
    const { apiVersion } = object;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const path = `${root}/namespaces/models/${pluralOf(object) ?? ''}`;
    const answer = await plane.ask('POST', `${path}?dryRun=All&fieldValidation=Strict`, object);
    expect(answer.body).not.toHaveProperty('message');
    expect(answer.status).toBe(201);
  });
});
