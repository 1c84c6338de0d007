// SPDX-License-Identifier: Apache-2.0
export { inferencePools } from './inference-pool.ts';
export { inferenceObjectives, inferenceObjectivesX } from './inference-objective.ts';
export { inferenceModelRewrites, inferenceModelRewritesX } from './inference-model-rewrite.ts';
export { modelServices } from './model-service/model-service.ts';
export { admit } from './admission.ts';
export { renderCrd, renderCrdYaml } from './crd.ts';
export { apiVersionOf } from './kube-object.ts';

export type { InferencePool } from './inference-pool.ts';
export type { InferenceObjective } from './inference-objective.ts';
export type { InferenceModelRewrite } from './inference-model-rewrite.ts';
export type { ModelService, ModelServiceSpec } from './model-service/model-service.ts';
export type { PoolRef } from './reference.ts';
export type { Condition } from './condition.ts';
export type { Admission, AdmitOptions, Problem } from './admission.ts';
export type { CustomObject, CustomResource, PrinterColumn } from './custom-resource.ts';
export type { CelRule, CelTransitionRule } from './schema.ts';
export type { KubeObject, ObjectMeta, OwnerReference, ResourceType } from './kube-object.ts';
