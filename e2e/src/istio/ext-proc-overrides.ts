// SPDX-License-Identifier: Apache-2.0
import type { RunningEnvoy } from '@llm-d/test-kit';

/** What a route of Envoy says about ext_proc. */
export interface ExtProcOverride {
  readonly failure_mode_allow: boolean;
  readonly grpc_service: {
    readonly envoy_grpc: { readonly cluster_name: string };
  };
}

/** What Envoy's configuration says about ext_proc over `cluster`, in every place where it does. */
export async function extProcOverrides(
  envoy: RunningEnvoy,
  cluster: string,
): Promise<readonly ExtProcOverride[]> {
  const answer = await fetch(`http://127.0.0.1:${envoy.adminPort}/config_dump`);
  return overridesIn(await answer.json()).filter(
    ({ grpc_service }) => grpc_service.envoy_grpc.cluster_name === cluster,
  );
}

function overridesIn(value: unknown): readonly ExtProcOverride[] {
  if (typeof value !== 'object' || value === null) return [];
  // Envoy writes its own messages; these two fields are together only there.
  const here =
    'grpc_service' in value && 'failure_mode_allow' in value ? [value as ExtProcOverride] : [];
  return [...here, ...Object.values(value).flatMap(overridesIn)];
}
