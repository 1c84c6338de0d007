// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** An object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const README = fileURLToPath(new URL('../../../apps/epp/README.md', import.meta.url));

/** The permissions that the endpoint picker's README grants, for another namespace than the README's. */
export async function documentedPermissions(namespace: string): Promise<readonly Manifest[]> {
  const text = await readFile(README, 'utf8');
  const block = [...text.matchAll(/^```yaml\n([^]*?)^```$/gm)]
    .map(([, yaml = '']) => yaml)
    .find((yaml) => yaml.includes('kind: Role\n'));
  if (block === undefined) throw new Error('the README grants no permissions');
  const here = block
    .replaceAll('namespace: llm-d', `namespace: ${namespace}`)
    .replaceAll('reviews-llm-d', `reviews-${namespace}`);
  return parseAllDocuments(here).map((document) => document.toJS() as Manifest);
}

const PLURALS: Readonly<Record<string, string>> = {
  ServiceAccount: 'serviceaccounts',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};

/** Where objects of the kind are created. */
export function collectionOf({ apiVersion, kind, metadata }: Manifest): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${scope}/${PLURALS[kind] ?? kind}`;
}
