// SPDX-License-Identifier: Apache-2.0
import type { ModelServiceSpec } from '@llm-d/crd-types';
import type { Findings } from '../findings.ts';
import { parseModelUri, type ModelSource } from '../model/model-uri.ts';
import type { LoraSettings, ModelSettings, SecretRef } from './settings.ts';

/** Which model a spec means, from its fields of either version; undefined with a problem. */
export function settleModel(
  { model, modelArtifacts, routing }: ModelServiceSpec,
  findings: Findings,
): ModelSettings | undefined {
  const path = model?.uri === undefined ? 'spec.modelArtifacts.uri' : 'spec.model.uri';
  const source = sourceAt(path, model?.uri ?? modelArtifacts?.uri ?? '', findings);
  const loras = (model?.loras ?? []).map(({ name, uri, rank }, index): LoraSettings | undefined => {
    const found = sourceAt(`spec.model.loras[${index}].uri`, uri, findings);
    return found && { name, source: found, rank };
  });
  if (source === undefined) return undefined;
  return {
    name: model?.name ?? routing?.modelName ?? nameOf(source),
    aliases: model?.aliases ?? [],
    source,
    revision: model?.revision,
    secret: secretOf(source, model, modelArtifacts),
    size: model?.size ?? modelArtifacts?.size,
    loras: loras.filter((lora) => lora !== undefined),
  };
}

/** Keys of secrets that nobody names; those of S3 are the names of the variables. */
const KEYS: Readonly<Record<string, string>> = { gs: 'key.json', oci: '.dockerconfigjson' };

function sourceAt(path: string, uri: string, findings: Findings): ModelSource | undefined {
  const parsed = parseModelUri(uri);
  if ('source' in parsed) return parsed.source;
  findings.problem(path, parsed.message);
  return undefined;
}

function secretOf(
  source: ModelSource,
  model: ModelServiceSpec['model'],
  artifacts: ModelServiceSpec['modelArtifacts'],
): SecretRef | undefined {
  const ref = model?.authSecretRef;
  if (ref !== undefined) return { name: ref.name, key: ref.key ?? KEYS[source.kind] ?? 'HF_TOKEN' };
  const name = artifacts?.authSecretName;
  return name === undefined || name === '' ? undefined : { name, key: 'HF_TOKEN' };
}

/** What requests call a model that has no name of its own. */
function nameOf(source: ModelSource): string {
  switch (source.kind) {
    case 'hf':
    case 'pvc+hf':
      return source.repo;
    case 'oci':
      return (
        source.image
          .replace(/@.*$/, '')
          .replace(/:[^/]*$/, '')
          .split('/')
          .at(-1) ?? 'model'
      );
    case 'pvc':
    case 's3':
    case 'gs':
      return source.path.split('/').at(-1) ?? 'model';
  }
}
