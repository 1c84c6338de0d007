// SPDX-License-Identifier: Apache-2.0
import { Type } from 'typebox';
import type { CustomObject, CustomResource } from '../custom-resource.ts';
import { openObject, withRules } from '../schema.ts';
import { modelArtifactsSchema, modelSchema } from './model.ts';
import {
  engineSchema,
  kvEventsSchema,
  monitoringSchema,
  networkPolicySchema,
  offloadSchema,
  securitySchema,
} from './operations.ts';
import { roleSchema } from './role.ts';
import {
  disaggregationSchema,
  endpointPickerSchema,
  gatewaySchema,
  objectivesSchema,
  rewritesSchema,
  routingSchema,
} from './routing.ts';
import { statusSchema } from './status.ts';

const nameInCel = (self: string): string =>
  `(has(${self}.model) && has(${self}.model.name) ? ${self}.model.name : (has(${self}.routing) ? ${self}.routing.modelName : ''))`;

interface Named {
  readonly model?: { readonly name?: string };
  readonly routing?: { readonly modelName: string };
}
const nameOf = ({ model, routing }: Named): string => model?.name ?? routing?.modelName ?? '';

const spec = withRules(
  Type.Object(
    {
      baseConfigMapRef: Type.Optional(
        openObject(
          {
            name: Type.Optional(Type.String()),
            namespace: Type.Optional(Type.String()),
          },
          { description: 'A ConfigMap with templates of what is made.' },
        ),
      ),
      preset: Type.Optional(
        Type.String({
          minLength: 1,
          maxLength: 63,
          description:
            'What is not said otherwise: optimized-baseline, pd-disaggregation, wide-ep, precise-prefix-cache, tiered-prefix-cache or predicted-latency.',
        }),
      ),
      routing: Type.Optional(routingSchema),
      modelArtifacts: Type.Optional(modelArtifactsSchema),
      model: Type.Optional(modelSchema),
      engine: Type.Optional(engineSchema),
      decoupleScaling: Type.Optional(
        Type.Boolean({ description: 'Whether replicas are set once and then left to others.' }),
      ),
      decode: Type.Optional(
        roleSchema('Servers that answer, and that do all where no others are.'),
      ),
      prefill: Type.Optional(roleSchema('Servers that compute prompts for those that answer.')),
      disaggregation: Type.Optional(disaggregationSchema),
      endpointPicker: Type.Optional(endpointPickerSchema),
      gateway: Type.Optional(gatewaySchema),
      objectives: Type.Optional(objectivesSchema),
      rewrites: Type.Optional(rewritesSchema),
      monitoring: Type.Optional(monitoringSchema),
      networkPolicy: Type.Optional(networkPolicySchema),
      kvEvents: Type.Optional(kvEventsSchema),
      offload: Type.Optional(offloadSchema),
      security: Type.Optional(securitySchema),
    },
    { description: 'Which model is served, on what, and how it is reached.' },
  ),
  [
    {
      rule: '(has(self.model) && has(self.model.uri)) || has(self.modelArtifacts)',
      message: 'model.uri or modelArtifacts.uri is required',
      holds: ({ model, modelArtifacts }) =>
        model?.uri !== undefined || modelArtifacts !== undefined,
    },
    {
      rule: '!has(self.prefill) || has(self.decode) || has(self.baseConfigMapRef) || has(self.preset)',
      message: 'prefill requires decode',
      holds: ({ prefill, decode, baseConfigMapRef, preset }) =>
        prefill === undefined ||
        decode !== undefined ||
        baseConfigMapRef !== undefined ||
        preset !== undefined,
    },
    {
      rule: '!(has(self.model) && has(self.model.name) && has(self.routing)) || self.model.name == self.routing.modelName',
      message: 'model.name and routing.modelName must be the same',
      holds: ({ model, routing }) =>
        model?.name === undefined || routing === undefined || model.name === routing.modelName,
    },
    {
      rule: `${nameInCel('self')} == ${nameInCel('oldSelf')}`,
      message: 'the name of the model is immutable',
      allows: (self, oldSelf) => nameOf(self) === nameOf(oldSelf),
    },
  ],
);

/** A model as a service: everything from pods to routes follows from it. */
export type ModelService = CustomObject<typeof spec, typeof statusSchema>;

/** The spec of a {@link ModelService}, with defaults. */
export type ModelServiceSpec = ModelService['spec'];

const condition = (type: string): string => `.status.conditions[?(@.type=="${type}")].status`;

/** ModelService of the group `llm-d.ai`. Manifests of its first version are admitted as they are. */
export const modelServices: CustomResource<ModelService> = {
  group: 'llm-d.ai',
  version: 'v1alpha1',
  plural: 'modelservices',
  singular: 'modelservice',
  shortNames: ['msvc'],
  kind: 'ModelService',
  namespaced: true,
  description: 'A model as a service: everything from pods to routes follows from it.',
  printerColumns: [
    { name: 'Model', type: 'string', jsonPath: '.status.modelName' },
    { name: 'URL', type: 'string', jsonPath: '.status.url' },
    { name: 'Ready', type: 'string', jsonPath: condition('Ready') },
    { name: 'Prefill READY', type: 'string', jsonPath: '.status.prefillReady' },
    { name: 'Decode READY', type: 'string', jsonPath: '.status.decodeReady' },
    { name: 'Prefill AVAIL', type: 'integer', jsonPath: '.status.prefillAvailable', priority: 1 },
    { name: 'Decode AVAIL', type: 'integer', jsonPath: '.status.decodeAvailable', priority: 1 },
    { name: 'Decouple Scaling', type: 'boolean', jsonPath: '.spec.decoupleScaling', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  spec,
  specRequired: true,
  status: statusSchema,
};
