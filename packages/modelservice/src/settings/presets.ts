// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';

/** What a ModelService has that names a preset and says nothing else. */
export interface Preset {
  /** Fields of the spec; the ModelService's own are laid over them. */
  readonly spec: JsonObject;
  /** Which configuration the endpoint picker has. */
  readonly picker: PickerConfigName;
}

/** Configurations of the endpoint picker. */
export type PickerConfigName =
  | 'optimized-baseline'
  | 'pd-disaggregation'
  | 'wide-ep'
  | 'precise-prefix-cache'
  | 'tiered-prefix-cache'
  | 'predicted-latency';

const wideEpPods = {
  parallelism: { data: 16, dataLocal: 8, expert: true },
  template: {
    spec: {
      containers: [
        {
          name: '$engine',
          securityContext: { capabilities: { add: ['IPC_LOCK', 'SYS_RAWIO'] } },
        },
      ],
    },
  },
};

/** Presets by name: the well-lit paths. */
export const presets: ReadonlyMap<string, Preset> = new Map<string, Preset>([
  ['optimized-baseline', { spec: {}, picker: 'optimized-baseline' }],
  ['pd-disaggregation', { spec: { decode: {}, prefill: {} }, picker: 'pd-disaggregation' }],
  [
    'wide-ep',
    {
      spec: {
        // Memory is registered with the network cards, which the restricted profile forbids.
        security: { profile: 'baseline' },
        decode: { ...wideEpPods, args: ['--all2all-backend=deepep_low_latency', '--enable-dbo'] },
        prefill: { ...wideEpPods, args: ['--all2all-backend=deepep_high_throughput'] },
        disaggregation: { proxy: { flags: { 'enable-prefiller-sampling': true } } },
      },
      picker: 'wide-ep',
    },
  ],
  [
    'precise-prefix-cache',
    { spec: { kvEvents: {}, engine: { blockSizeTokens: 64 } }, picker: 'precise-prefix-cache' },
  ],
  [
    'tiered-prefix-cache',
    { spec: { offload: { cpu: { size: '100Gi' } } }, picker: 'tiered-prefix-cache' },
  ],
  ['predicted-latency', { spec: {}, picker: 'predicted-latency' }],
]);
