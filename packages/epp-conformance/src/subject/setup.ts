// SPDX-License-Identifier: Apache-2.0
import type { FleetLayout } from '../engines/fleet.ts';

/** Names of the setups that cases ask for. */
export type SetupId = 'default' | 'one-address' | 'empty' | 'lora' | 'contract';

/** A configuration of the endpoint picker with the endpoints it has. */
export interface Setup {
  readonly id: SetupId;
  /** What is special about it. */
  readonly title: string;
  readonly layout: FleetLayout;
  /** Whether it is llm-d's built-in configuration, so that a running endpoint picker may be presumed to have it. */
  readonly isDefault: boolean;
  /** The EndpointPickerConfig over an endpoints file. JSON, which is YAML. */
  readonly config: (endpointsFile: string) => string;
}

interface Plugin {
  readonly type: string;
  readonly weight?: number;
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Default true. False: it is installed, and no profile names it. */
  readonly inProfile?: boolean;
}

const DEFAULT_PLUGINS: readonly Plugin[] = [
  { type: 'queue-scorer', weight: 2 },
  { type: 'kv-cache-utilization-scorer', weight: 2 },
  { type: 'prefix-cache-scorer', weight: 3 },
  { type: 'max-score-picker' },
  { type: 'single-profile-handler', inProfile: false },
];

const configWith =
  (plugins: readonly Plugin[]) =>
  (endpointsFile: string): string =>
    JSON.stringify(
      {
        apiVersion: 'llm-d.ai/v1alpha1',
        kind: 'EndpointPickerConfig',
        plugins: [
          ...plugins.map(({ type, parameters }) => ({ type, ...(parameters && { parameters }) })),
          { type: 'file-discovery', parameters: { path: endpointsFile, watchFile: true } },
        ],
        schedulingProfiles: [
          {
            name: 'default',
            plugins: plugins
              .filter(({ inProfile = true }) => inProfile)
              .map(({ type, weight }) => ({
                pluginRef: type,
                ...(weight !== undefined && { weight }),
              })),
          },
        ],
        dataLayer: { discovery: { pluginRef: 'file-discovery' } },
      },
      null,
      2,
    );

/** All setups by their name. */
export const setups: Readonly<Record<SetupId, Setup>> = {
  default: {
    id: 'default',
    title: 'llm-d’s default configuration over three engines',
    layout: [1, 2, 3],
    isDefault: true,
    config: configWith(DEFAULT_PLUGINS),
  },
  'one-address': {
    id: 'one-address',
    title: 'two engines on two ports of one address, as data-parallel ranks are',
    layout: [1, 1],
    isDefault: true,
    config: configWith(DEFAULT_PLUGINS),
  },
  empty: {
    id: 'empty',
    title: 'no engines at all',
    layout: [],
    isDefault: true,
    config: configWith(DEFAULT_PLUGINS),
  },
  lora: {
    id: 'lora',
    title: 'affinity to loaded adapters above load',
    layout: [1, 2, 3],
    isDefault: false,
    config: configWith([
      { type: 'queue-scorer', weight: 1 },
      { type: 'kv-cache-utilization-scorer', weight: 1 },
      { type: 'lora-affinity-scorer', weight: 4 },
      { type: 'max-score-picker' },
      { type: 'single-profile-handler', inProfile: false },
    ]),
  },
  contract: {
    id: 'contract',
    title: 'what the conformance suite for gateways expects of its endpoint picker',
    layout: [1, 2, 2],
    isDefault: false,
    config: configWith([
      { type: 'header-based-testing-filter' },
      { type: 'random-picker' },
      { type: 'destination-endpoint-served-verifier', inProfile: false },
      { type: 'single-profile-handler', inProfile: false },
    ]),
  },
};
