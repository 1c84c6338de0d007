// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import type { Settings } from '../settings/settings.ts';
import { bytesOf } from './quantity.ts';
import { podIpEnv, type EnvVar } from './pod.ts';
import type { Role } from '../labels.ts';

/** Port of the NIXL side channel: not 5557, where engines publish events. */
const SIDE_CHANNEL_PORT = 5600;

/** How an engine's cache leaves it, as vLLM's `--kv-transfer-config` says it; undefined where it stays. */
export function kvTransferConfigOf(settings: Settings, role: Role): JsonObject | undefined {
  const handOver = settings.disaggregated ? handOverOf(settings, role) : undefined;
  const offload = offloadOf(settings);
  if (handOver === undefined || offload === undefined) return handOver ?? offload;
  if (handOver['kv_connector'] === offload['kv_connector']) return offload;
  return {
    kv_connector: 'MultiConnector',
    kv_role: 'kv_both',
    kv_connector_extra_config: { connectors: [handOver, offload] },
  };
}

function handOverOf({ spec }: Settings, role: Role): JsonObject {
  switch (spec.disaggregation?.connector ?? 'nixlv2') {
    case 'shared-storage':
      return { kv_connector: 'SharedStorageConnector', kv_role: 'kv_both' };
    case 'mooncake':
      return {
        kv_connector: 'MooncakeConnector',
        kv_role: role === 'prefill' ? 'kv_producer' : 'kv_consumer',
      };
    case 'offloading':
      return { kv_connector: 'OffloadingConnector', kv_role: 'kv_both' };
    default:
      return { kv_connector: 'NixlConnector', kv_role: 'kv_both' };
  }
}

/** Blocks of the cache that go to memory and, behind it, to files. */
function offloadOf({ spec, kvEvents }: Settings): JsonObject | undefined {
  const { cpu, disk } = spec.offload ?? {};
  if (cpu === undefined) return undefined;
  const tiers = disk && {
    spec_name: 'TieringOffloadingSpec',
    secondary_tiers: [
      { type: 'fs', root_dir: disk.path, ...(kvEvents && { enable_kv_events: true }) },
    ],
  };
  return {
    kv_connector: 'OffloadingConnector',
    kv_role: 'kv_both',
    kv_connector_extra_config: {
      cpu_bytes_to_use: bytesOf(cpu.size),
      // Else an index cannot place copies whose block it has never seen on an accelerator.
      ...(kvEvents && { self_describing_kv_events: true }),
      ...tiers,
    },
  };
}

/** Environment of the hand-over between prefill and decode. */
export function handOverEnvOf(settings: Settings, role: Role): readonly EnvVar[] {
  if (!settings.disaggregated || settings.engine.type !== 'vllm') return [];
  if ((settings.spec.disaggregation?.connector ?? 'nixlv2') !== 'nixlv2') return [];
  return [
    podIpEnv('VLLM_NIXL_SIDE_CHANNEL_HOST'),
    { name: 'VLLM_NIXL_SIDE_CHANNEL_PORT', value: String(sideChannelPortOf(settings)) },
    // The sidecar keeps connections to prefill servers open.
    ...(role === 'prefill' ? [{ name: 'VLLM_HTTP_TIMEOUT_KEEP_ALIVE', value: '120' }] : []),
  ];
}

/** Port on which engines agree about a hand-over. */
export const sideChannelPortOf = ({ spec }: Settings): number =>
  spec.disaggregation?.sideChannelPort ?? SIDE_CHANNEL_PORT;
