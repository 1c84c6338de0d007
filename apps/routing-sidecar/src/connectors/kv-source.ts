// SPDX-License-Identifier: Apache-2.0
import { withMembers } from '../body/request-body.ts';
import type { Target } from '../routing/target.ts';
import type { ConnectorSettings, InferenceRequest, Leg, PlanContext } from './connector.ts';

/**
 * The port of a target's peer-to-peer tier: the base of it and the rank, which the target's own port tells. A port outside
 * of the ranks is taken for rank 0.
 */
export function peerPortOf(
  { port }: Target,
  { p2pConnectorPort, basePort, dataParallelSize }: ConnectorSettings,
): number {
  const rank = port - basePort;
  return rank > 0 && rank < dataParallelSize ? p2pConnectorPort + rank : p2pConnectorPort;
}

/** `remote_kv_source` for the engine that shall pull from `source`. Its id is known to that engine alone. */
export const kvSourceParams = (
  source: Target,
  { newId, settings }: Pick<PlanContext, 'newId' | 'settings'>,
): object => ({
  kv_request_id: newId(),
  remote_host: source.host,
  remote_port: peerPortOf(source, settings),
});

/** Its members for the transfer parameters of a prefill; none where there is nobody to pull from. */
export const kvSourceOf = (
  context: Pick<PlanContext, 'newId' | 'settings' | 'kvCacheSource'>,
): object =>
  context.kvCacheSource === undefined
    ? {}
    : { remote_kv_source: kvSourceParams(context.kvCacheSource, context) };

/** The body for a decode server that does all of it, and pulls a prefix where there is a peer that has one. */
export function aloneLeg(
  { body }: InferenceRequest,
  context: Pick<PlanContext, 'newId' | 'settings' | 'kvCacheSource'>,
): Leg {
  if (context.kvCacheSource === undefined) return { body: body.bytes };
  const params = JSON.stringify(kvSourceOf(context));
  return { body: withMembers(body, new Map([['kv_transfer_params', params]])) };
}
