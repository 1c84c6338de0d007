// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import { conditionsSchema, pendingConditions } from './condition.ts';
import type { CustomObject, CustomResource } from './custom-resource.ts';
import type { KubeObject } from './kube-object.ts';
import { poolRefSchema } from './reference.ts';
import { int32, oneOf, withDefault } from './schema.ts';

const match = Type.Object({
  model: Type.Object(
    {
      type: withDefault(oneOf(['Exact'], { description: 'How names are compared.' }), 'Exact'),
      value: Type.String({ minLength: 1, description: 'The model that a request asks for.' }),
    },
    { description: 'What the `model` of a request must be.' },
  ),
});

const target = Type.Object({
  modelRewrite: Type.String({ description: 'The model that the request is sent to instead.' }),
  weight: Type.Optional(
    int32({
      minimum: 1,
      maximum: 1_000_000,
      description: 'Share of the requests, relative to the other targets.',
    }),
  ),
});

/** Which model is sent where. */
export const rewriteRuleSchema = Type.Object({
  matches: Type.Optional(
    Type.Array(match, { description: 'Any of them is enough; none at all matches every request.' }),
  ),
  targets: Type.Optional(
    Type.Array(target, { minItems: 1, description: 'Where matching requests go.' }),
  ),
});

const spec = Type.Object(
  {
    poolRef: poolRefSchema,
    rules: Type.Array(rewriteRuleSchema, { description: 'Rules for the models of requests.' }),
  },
  { description: 'Which models are replaced by which.' },
);

const status = Type.Object({
  conditions: withDefault(conditionsSchema, pendingConditions('Accepted')),
});

/** Replaces the model that a request asks for. Upstream lets an object without a spec pass. */
export interface InferenceModelRewrite extends KubeObject {
  readonly spec?: CustomObject<typeof spec, typeof status>['spec'];
  readonly status?: CustomObject<typeof spec, typeof status>['status'];
}

/** InferenceModelRewrite of the group `llm-d.ai`; the CRD is ours. */
export const inferenceModelRewrites: CustomResource<InferenceModelRewrite> = {
  group: 'llm-d.ai',
  version: 'v1alpha2',
  plural: 'inferencemodelrewrites',
  singular: 'inferencemodelrewrite',
  shortNames: [],
  kind: 'InferenceModelRewrite',
  namespaced: true,
  description: 'Replaces the model that a request asks for.',
  printerColumns: [
    { name: 'Inference Pool', type: 'string', jsonPath: '.spec.poolRef.name' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec,
  specRequired: false,
  status,
};

/** The same resource in the group of the Gateway API Inference Extension, where it began. */
export const inferenceModelRewritesX: CustomResource<InferenceModelRewrite> = {
  ...inferenceModelRewrites,
  group: 'inference.networking.x-k8s.io',
};
