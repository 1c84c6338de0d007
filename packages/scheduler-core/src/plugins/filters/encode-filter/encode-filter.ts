// SPDX-License-Identifier: Apache-2.0
import { defineRoleFilter } from '../role-filter.ts';

/** Keeps what can encode pictures, sounds and films for others. */
export const encodeFilter = defineRoleFilter({
  type: 'encode-filter',
  summary: 'Keeps the endpoints that encode media for others.',
  roles: ['encode', 'encode-prefill', 'encode-prefill-decode'],
  allowsNoRole: false,
});
