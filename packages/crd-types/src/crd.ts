// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import type { CustomResource } from './custom-resource.ts';
import { nodeOf, toStructuralSchema } from './structural-schema.ts';

/** The CustomResourceDefinition of a resource, with its only version served and stored. */
export function renderCrd(resource: CustomResource): object {
  const { group, version, plural, singular, shortNames, kind } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular,
        ...(shortNames.length > 0 && { shortNames }),
      },
      scope: resource.namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(resource.printerColumns.length > 0 && {
            additionalPrinterColumns: resource.printerColumns,
          }),
          schema: {
            openAPIV3Schema: {
              type: 'object',
              description: resource.description,
              ...(resource.specRequired && { required: ['spec'] }),
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                spec: toStructuralSchema(nodeOf(resource.spec)),
                status: toStructuralSchema(nodeOf(resource.status)),
              },
            },
          },
          subresources: { status: {} },
        },
      ],
    },
  };
}

/** {@link renderCrd} as YAML, the same text for the same resource. */
export const renderCrdYaml = (resource: CustomResource): string =>
  stringify(renderCrd(resource), { lineWidth: 120, aliasDuplicateObjects: false });
