// SPDX-License-Identifier: Apache-2.0
import { admit, modelServices, type ModelService } from '@llm-d/crd-types';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { yamlOptions } from './yaml-options.ts';
import { isObject, objectAt, type RenderedObject } from './json.ts';
import { renderModelService, type Rendering } from './render-model-service.ts';
import type { Surroundings } from './settings/settle.ts';

const folder = join(import.meta.dirname, '../testdata');

/** A case of testdata, rendered. */
export interface Golden {
  readonly name: string;
  /** Where what it renders into is kept. */
  readonly output: string;
  readonly rendering: Rendering;
}

/** All cases, by name. */
export const goldens: readonly Golden[] = globSync('*.in.yaml', { cwd: folder })
  .sort()
  .map((file) => {
    const name = basename(file, '.in.yaml');
    return {
      name,
      output: join(folder, `${name}.out.yaml`),
      rendering: renderText(readFileSync(join(folder, file), 'utf8')),
    };
  });

/** The objects of one case. */
export const goldenObjects = (name: string): readonly RenderedObject[] => {
  const golden = goldens.find((candidate) => candidate.name === name);
  if (golden === undefined) throw new Error(`there is no case ${name}`);
  return golden.rendering.objects;
};

/** Renders documents: a ModelService, and what surrounds it. */
export function renderText(text: string): Rendering {
  const documents = parseAllDocuments(text).map((document) => document.toJS() as unknown);
  const ofKind = (kind: string) =>
    documents.filter(isObject).find((document) => document['kind'] === kind);
  const data = ofKind('ConfigMap')?.['data'];
  const surroundings = ofKind('Surroundings') ?? {};
  return renderModelService(admitted(ofKind('ModelService')), {
    ...(isObject(data) && { baseConfig: data as Readonly<Record<string, string>> }),
    capabilities: objectAt(surroundings, 'capabilities'),
    images: objectAt(surroundings, 'images'),
  } satisfies Surroundings);
}

/** A ModelService with a spec, as the API server would store it. */
export const serviceOf = (spec: object, metadata: object = {}): ModelService =>
  admitted({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'ModelService',
    metadata: { name: 'svc', namespace: 'models', ...metadata },
    spec,
  });

function admitted(value: unknown): ModelService {
  const admission = admit(modelServices, value);
  if (!admission.admitted) throw new Error(JSON.stringify(admission.problems));
  return admission.object;
}

/** A rendering as text: its objects, and behind them what else it says. */
export const textOf = ({ objects, ...rest }: Rendering): string =>
  [...objects, ...(Object.values(rest).some((list) => list.length > 0) ? [rest] : [])]
    .map((document) => stringify(document, yamlOptions))
    .join('---\n');

/** The object of a kind and name; throws where there is none. */
export function objectOf(
  objects: readonly RenderedObject[],
  kind: string,
  name?: string,
): RenderedObject {
  const found = objects.find(
    (object) => object.kind === kind && (name === undefined || object.metadata.name === name),
  );
  if (found === undefined) throw new Error(`there is no ${kind} ${name ?? ''}`);
  return found;
}
