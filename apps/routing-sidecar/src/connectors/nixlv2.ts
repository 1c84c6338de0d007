// SPDX-License-Identifier: Apache-2.0
import type { ApiKind } from '@llm-d/inference-api';
import {
  memberBytes,
  nestedBody,
  readRequestBody,
  withMembers,
  type RequestBody,
} from '../body/request-body.ts';
import { singleTokenChanges } from '../body/single-token.ts';
import { cachedTokensMember } from '../proxy/cached-tokens.ts';
import type { Connector, DecodeLeg, InferenceRequest } from './connector.ts';
import { aloneLeg, kvSourceOf } from './kv-source.ts';

/** What asks a prefiller for a cache that another server will fetch. */
const ASKS = {
  do_remote_decode: true,
  do_remote_prefill: false,
  remote_engine_id: null,
  remote_block_ids: null,
  remote_host: null,
  remote_port: null,
};

/**
 * vLLM's NixlConnector: the prefiller computes, says where its blocks are, and the decode server fetches them. What it says
 * is handed on byte for byte, because every version of vLLM says more.
 */
export const nixlv2: Connector = {
  name: 'nixlv2',
  failurePolicies: ['retry', 'error', 'local-prefill'],
  findsEngine: false,
  probe: () => undefined,
  plan: (request, context) => {
    const adds = [['x-request-id', context.requestId]] as const;
    const params = JSON.stringify({ ...ASKS, ...kvSourceOf(context) });
    const changes = singleTokenChanges(request.body, request.api).set('kv_transfer_params', params);
    return {
      kind: 'sequential',
      prefill: { body: withMembers(request.body, changes), adds },
      decode: (answer) => {
        const leg = decodeLeg(request, answer);
        return leg && { ...leg, adds };
      },
    };
  },
  alone: aloneLeg,
};

function decodeLeg({ body, api }: InferenceRequest, answer: Buffer): DecodeLeg | undefined {
  const read = readRequestBody(answer);
  if (read.kind !== 'object') return undefined;
  const params = memberBytes(read.body, 'kv_transfer_params');
  const cached = cachedTokensMember(api);
  const usage = cached && { cachedTokens: cachedTokensOf(read.body, api) };
  if (params === undefined || params.toString('latin1') === 'null') {
    return { body: body.bytes, transfers: false, ...usage };
  }
  return {
    body: withMembers(body, new Map([['kv_transfer_params', params]])),
    transfers: true,
    ...usage,
  };
}

/** vLLM leaves the details out where nothing was cached. */
function cachedTokensOf(answer: RequestBody, api: ApiKind): number {
  const usage = nestedBody(answer, 'usage');
  const details = usage && nestedBody(usage, cachedTokensMember(api) ?? '');
  const text = details && memberBytes(details, 'cached_tokens')?.toString('latin1');
  const count = Number(text ?? 0);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}
