// SPDX-License-Identifier: Apache-2.0
import type { ModelServiceSpec } from '@llm-d/crd-types';
import type { Findings } from '../findings.ts';
import type { Capabilities } from './capabilities.ts';
import type { GatewaySettings } from './settings.ts';

/** How requests arrive: what the spec says, else what gateways it names and the cluster has. */
export function settleGateway(
  { gateway, routing, endpointPicker }: ModelServiceSpec,
  capabilities: Capabilities,
  findings: Findings,
): GatewaySettings {
  const refs = [...(routing?.gatewayRefs ?? []), ...(gateway?.gatewayRefs ?? [])];
  const mode = gateway?.mode ?? (refs.length > 0 ? 'gateway' : 'standalone');
  if (mode === 'gateway' && refs.length === 0) {
    findings.problem('spec.gateway.gatewayRefs', 'is required in the mode gateway');
  }
  if (mode === 'gateway' && !(capabilities.gatewayApi && capabilities.inferencePool)) {
    findings.problem('spec.gateway.mode', 'the cluster has no Gateway API with InferencePool');
  }
  const asked = gateway?.provider ?? 'auto';
  const provider = asked === 'auto' ? capabilities.gatewayProvider : asked;
  const tls = endpointPicker?.tls ?? 'auto';
  // The proxy of the mode standalone is in the same pod.
  return { mode, provider, refs, tls: tls === 'auto' ? mode !== 'standalone' : tls === 'on' };
}
