// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { obtain, type RealPart } from '../real-part.ts';
import { downloadModule } from './go-module.ts';

/** Gateway API, standard channel: Gateway, HTTPRoute and the rest. The path is a folder for {@link readCrds}. */
export const findGatewayApiCrds = (): Promise<RealPart> =>
  crdsOf({ module: 'sigs.k8s.io/gateway-api', version: '1.6.0', under: 'config/crd/standard' });

/** InferencePool and its companions as the Gateway API Inference Extension publishes them, for {@link readCrds}. */
export const findInferenceExtensionCrds = (): Promise<RealPart> =>
  crdsOf({
    module: 'sigs.k8s.io/gateway-api-inference-extension',
    version: '1.5.0',
    under: 'config/crd/bases',
  });

/** The CustomResourceDefinitions in a folder, without whatever else stands beside them. */
export async function readCrds(folder: string): Promise<readonly object[]> {
  const files = (await readdir(folder)).sort();
  const objects = await Promise.all(
    files.map(async (file): Promise<readonly unknown[]> => {
      const documents = parseAllDocuments(await readFile(join(folder, file), 'utf8'));
      return documents.map((document) => document.toJS() as unknown);
    }),
  );
  return objects.flat().filter(isCrd);
}

const isCrd = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  value.kind === 'CustomResourceDefinition';

interface Source {
  readonly module: string;
  readonly version: string;
  readonly under: string;
}

const crdsOf = ({ module, version, under }: Source): Promise<RealPart> =>
  obtain({
    name: `crds-${module.slice(module.lastIndexOf('/') + 1)}-${version}`,
    timeoutMs: 120_000,
    make: async (work, steps) => {
      const { folder } = await downloadModule(`${module}@v${version}`, steps);
      const kept = join(work, 'crds');
      await mkdir(kept);
      const files = (await readdir(join(folder, under))).filter((name) => name.endsWith('.yaml'));
      // Written anew: files of the module cache are read-only.
      await Promise.all(
        files.map(async (name) =>
          writeFile(join(kept, name), await readFile(join(folder, under, name))),
        ),
      );
      return kept;
    },
  });
