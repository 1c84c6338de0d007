// SPDX-License-Identifier: Apache-2.0
import { memberBytes, withMembers } from '../body/request-body.ts';
import { singleTokenChanges } from '../body/single-token.ts';
import type { Connector } from './connector.ts';

const THRESHOLD = 'cache_hit_threshold';

/**
 * Caches that both servers find in a storage they share. With `cache_hit_threshold` in the request the decode server is
 * asked first, and says by a `finish_reason` of `cache_threshold` when it holds too little.
 */
export const sharedStorage: Connector = {
  name: 'shared-storage',
  failurePolicies: ['retry', 'error', 'local-prefill'],
  findsEngine: false,
  probe: ({ body }) =>
    memberBytes(body, THRESHOLD) === undefined ? undefined : { body: body.bytes },
  plan: ({ body, api }) => {
    const asked = memberBytes(body, THRESHOLD) !== undefined;
    const decode = asked ? withMembers(body, new Map([[THRESHOLD, '0']])) : body.bytes;
    return {
      kind: 'sequential',
      prefill: { body: withMembers(body, singleTokenChanges(body, api).set(THRESHOLD, '0')) },
      decode: () => ({ body: decode, transfers: true }),
    };
  },
  // Without it a server that holds too little would refuse again.
  alone: ({ body }) => ({
    body:
      memberBytes(body, THRESHOLD) === undefined
        ? body.bytes
        : withMembers(body, new Map([[THRESHOLD, '0']])),
  }),
};
