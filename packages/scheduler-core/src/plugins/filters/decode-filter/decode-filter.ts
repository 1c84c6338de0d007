// SPDX-License-Identifier: Apache-2.0
import { decodeRoles, defineRoleFilter } from '../role-filter.ts';

/** Keeps what can decode. An endpoint without a role does everything. */
export const decodeFilter = defineRoleFilter({
  type: 'decode-filter',
  summary: 'Keeps the endpoints that decode, and those without a role.',
  roles: decodeRoles,
  allowsNoRole: true,
});
