// SPDX-License-Identifier: Apache-2.0
import { withMembers } from '../body/request-body.ts';
import { singleTokenChanges } from '../body/single-token.ts';
import type { Connector } from './connector.ts';
import { aloneLeg, kvSourceOf, peerPortOf } from './kv-source.ts';

/**
 * vLLM's OffloadingConnector with its peer-to-peer tier: the prefiller keeps the cache under an id, from which the decode
 * server pulls it. One after the other, because a pull that comes too early waits for its time limit.
 */
export const offloading: Connector = {
  name: 'offloading',
  failurePolicies: ['retry', 'error', 'local-prefill'],
  findsEngine: false,
  probe: () => undefined,
  plan: ({ body, api }, context) => {
    const id = context.newId();
    const keeps = { remote_decoder: { kv_request_id: id }, ...kvSourceOf(context) };
    const pulls = {
      remote_prefiller: {
        kv_request_id: id,
        remote_host: context.target.host,
        remote_port: peerPortOf(context.target, context.settings),
      },
    };
    const capped = singleTokenChanges(body, api).set('kv_transfer_params', JSON.stringify(keeps));
    const decode = withMembers(body, new Map([['kv_transfer_params', JSON.stringify(pulls)]]));
    return {
      kind: 'sequential',
      prefill: { body: withMembers(body, capped) },
      decode: () => ({ body: decode, transfers: true }),
    };
  },
  alone: aloneLeg,
};
