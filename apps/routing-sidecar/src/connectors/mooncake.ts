// SPDX-License-Identifier: Apache-2.0
import { withMembers } from '../body/request-body.ts';
import { singleTokenChanges } from '../body/single-token.ts';
import { hostPortOf } from '../routing/target.ts';
import type { Connector } from './connector.ts';

/** vLLM's MooncakeConnector: both at once; the decode server asks the prefiller's bootstrap server for the cache. */
export const mooncake: Connector = {
  name: 'mooncake',
  failurePolicies: ['retry', 'error', 'local-prefill'],
  findsEngine: true,
  probe: () => undefined,
  plan: ({ body, api }, { target, newId, engine, settings }) => {
    if (engine === undefined) throw new TypeError('mooncake needs to know the engine');
    const transferId = `xfer-${newId()}`;
    const asks = { do_remote_prefill: false, do_remote_decode: true, transfer_id: transferId };
    const fetches = {
      do_remote_prefill: true,
      do_remote_decode: false,
      transfer_id: transferId,
      remote_bootstrap_addr: `http://${hostPortOf(target.host, settings.mooncakeBootstrapPort)}`,
      remote_engine_id: engine.engineId,
    };
    const capped = singleTokenChanges(body, api).set('kv_transfer_params', JSON.stringify(asks));
    return {
      kind: 'concurrent',
      // The rank whose engine the decode server was told.
      prefill: { body: withMembers(body, capped), sets: [['x-data-parallel-rank', engine.rank]] },
      decode: {
        body: withMembers(body, new Map([['kv_transfer_params', JSON.stringify(fetches)]])),
      },
    };
  },
  alone: ({ body }) => ({ body: body.bytes }),
};
