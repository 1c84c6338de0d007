// SPDX-License-Identifier: Apache-2.0
import { definePlugin, type PluginDefinition } from '../../plugin-definition.ts';
import { labelOf } from '../label-value.ts';
import { noParameters } from '../parameter-fields.ts';
import { keepWhere } from './keep-where.ts';

/** Label that says what an endpoint does where the stages of a request are apart. */
export const ROLE_LABEL = 'llm-d.ai/role';

/** Roles that decode. An endpoint without a role does everything. */
export const decodeRoles: readonly string[] = [
  'decode',
  'prefill-decode',
  'both',
  'encode-prefill-decode',
];

/** Roles that prefill for others. */
export const prefillRoles: readonly string[] = [
  'prefill',
  'encode-prefill',
  'prefill-decode',
  'both',
  'encode-prefill-decode',
];

interface RoleFilter {
  readonly type: string;
  readonly summary: string;
  /** Values of the role label that pass. */
  readonly roles: readonly string[];
  /** Whether an endpoint without the label passes. */
  readonly allowsNoRole: boolean;
}

/** A filter that keeps the endpoints of certain roles. */
export function defineRoleFilter({
  type,
  summary,
  roles,
  allowsNoRole,
}: RoleFilter): PluginDefinition<Record<string, never>> {
  const allowed = new Set(roles);
  return definePlugin({
    type,
    summary,
    stability: 'beta',
    points: ['filter'],
    parameters: noParameters,
    create: () => ({
      filter: {
        filter: (_cycle, candidates) =>
          keepWhere(candidates, (endpoint) => {
            const role = labelOf(endpoint, ROLE_LABEL);
            return role === undefined ? allowsNoRole : allowed.has(role);
          }),
      },
    }),
  });
}
