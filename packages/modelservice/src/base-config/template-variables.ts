// SPDX-License-Identifier: Apache-2.0
import { labelValue } from '../names.ts';
import { modelFolderOf } from '../pod/model-paths.ts';
import { roleOf, type Settings } from '../settings/settings.ts';
import type { TemplateScope } from './template-functions.ts';

/** What templates of a BaseConfig and arguments of a ModelService may refer to. */
export function templateScopeOf(settings: Settings): TemplateScope {
  const { name, namespace = '', model, names, spec, capabilities } = settings;
  const { source } = model;
  const hub = source.kind === 'hf' || source.kind === 'pvc+hf' ? source.repo : '';
  return {
    variables: {
      ModelServiceName: name,
      ModelServiceNamespace: namespace,
      ModelName: model.name,
      HFModelName: hub,
      SanitizedModelName: labelValue(model.name),
      ModelPath: source.kind === 'hf' || source.kind === 'pvc+hf' ? '' : source.path,
      MountedModelPath: modelFolderOf(source, capabilities),
      AuthSecretName: model.secret?.name ?? '',
      EPPServiceName: names.eppService,
      EPPDeploymentName: names.epp,
      PrefillDeploymentName: roleOf(settings, 'prefill')?.workload.name ?? names.prefill,
      DecodeDeploymentName: roleOf(settings, 'decode')?.workload.name ?? names.decode,
      PrefillServiceName: names.prefillService,
      DecodeServiceName: names.decodeService,
      InferencePoolName: names.pool,
      InferenceModelName: names.inferenceModel,
    },
    ports: new Map((spec.routing?.ports ?? []).map((port) => [port.name, port.port])),
  };
}
