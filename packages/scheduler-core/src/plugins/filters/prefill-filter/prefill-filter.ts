// SPDX-License-Identifier: Apache-2.0
import { defineRoleFilter, prefillRoles } from '../role-filter.ts';

/** Keeps what can prefill for others. */
export const prefillFilter = defineRoleFilter({
  type: 'prefill-filter',
  summary: 'Keeps the endpoints that prefill for others.',
  roles: prefillRoles,
  allowsNoRole: false,
});
