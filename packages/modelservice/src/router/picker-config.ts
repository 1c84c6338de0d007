// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from '../json.ts';
import { roleOf, type Settings } from '../settings/settings.ts';

const type = (name: string, parameters?: JsonObject): JsonObject => ({
  type: name,
  ...(parameters && { parameters }),
});
const use = (pluginRef: string, weight?: number): JsonObject => ({
  pluginRef,
  ...(weight !== undefined && { weight }),
});
const profile = (name: string, ...plugins: readonly JsonObject[]): JsonObject => ({
  name,
  plugins,
});

const LOAD = [type('queue-scorer'), type('kv-cache-utilization-scorer')];
const WEIGHED_LOAD = [use('queue-scorer', 2), use('kv-cache-utilization-scorer', 2)];

/** Prefill before decode: the plugins that make two decisions of one. */
const SPLIT = [
  type('disagg-headers-handler'),
  type('always-disagg-pd-decider'),
  type('disagg-profile-handler', { deciders: { prefill: 'always-disagg-pd-decider' } }),
  type('prefill-filter'),
  type('decode-filter'),
];

interface Config {
  readonly plugins: readonly JsonObject[];
  readonly schedulingProfiles: readonly JsonObject[];
}

/** The endpoint picker's configuration (EndpointPickerConfig): the ModelService's own, or that of its preset. */
export function pickerConfigOf(settings: Settings): JsonObject {
  const { spec } = settings;
  const head = { apiVersion: 'llm-d.ai/v1alpha1', kind: 'EndpointPickerConfig' };
  return { ...head, ...(spec.endpointPicker?.config ?? configOf(settings)) };
}

function configOf(settings: Settings): Config {
  switch (settings.picker) {
    case 'optimized-baseline':
      return settings.disaggregated ? disaggregated(approximate()) : single(approximate(true));
    case 'pd-disaggregation':
      return disaggregated(approximate());
    case 'wide-ep':
      return wideEp();
    case 'precise-prefix-cache':
      return settings.disaggregated ? disaggregated(precise(settings)) : single(precise(settings));
    case 'tiered-prefix-cache':
      return settings.disaggregated ? disaggregated(tiered()) : single(tiered());
    case 'predicted-latency':
      return predictedLatency();
  }
}

/** Plugins, and how they are used in every profile. */
interface Scoring {
  readonly plugins: readonly JsonObject[];
  readonly uses: readonly JsonObject[];
}

const single = ({ plugins, uses }: Scoring): Config => ({
  plugins,
  schedulingProfiles: [profile('default', ...uses)],
});

const disaggregated = ({ plugins, uses }: Scoring): Config => ({
  plugins: [...SPLIT, ...plugins, type('max-score-picker')],
  schedulingProfiles: (['prefill', 'decode'] as const).map((role) =>
    profile(role, use(`${role}-filter`), ...uses, use('max-score-picker')),
  ),
});

/** Prefixes as routing alone remembers them. */
function approximate(spreads = false): Scoring {
  const spread = spreads ? [type('no-hit-lru-scorer')] : [];
  return {
    plugins: [...LOAD, type('prefix-cache-scorer'), ...spread],
    uses: [
      ...WEIGHED_LOAD,
      use('prefix-cache-scorer', 3),
      ...spread.map(() => use('no-hit-lru-scorer', 2)),
    ],
  };
}

/** Prefixes as the engines' events report them. Prompts are rendered by the decode servers. */
function precise(settings: Settings): Scoring {
  const { kvEvents, engine, model, names } = settings;
  const [port = 8000] = roleOf(settings, 'decode')?.ports.service ?? [];
  const producer = type('precise-prefix-cache-producer', {
    tokenProcessorConfig: {
      blockSizeTokens: engine.blockSizeTokens ?? 16,
      ...(kvEvents?.hashSeed !== undefined && { hashSeed: kvEvents.hashSeed }),
    },
    kvEventsConfig: {
      topicFilter: 'kv@',
      podDiscoveryConfig: {
        socketPort: kvEvents?.port ?? 5557,
        ...(kvEvents && { replaySocketPort: kvEvents.replayPort }),
      },
    },
  });
  const url = `http://${names.decodeService}:${port}`;
  return {
    plugins: [
      type('token-producer', { modelName: model.name, vllm: { url } }),
      producer,
      ...LOAD,
      type('prefix-cache-scorer', { prefixMatchInfoProducerName: 'precise-prefix-cache-producer' }),
    ],
    uses: [...WEIGHED_LOAD, use('prefix-cache-scorer', 3)],
  };
}

/** Prefixes on accelerators and, of a longer memory, behind them. */
function tiered(): Scoring {
  const tiers = ['gpu', 'cpu'] as const;
  const limit = { autoTune: false, lruCapacityPerServer: 1000 };
  return {
    plugins: [
      ...tiers.map((tier) => ({
        ...type('approx-prefix-cache-producer', tier === 'cpu' ? limit : undefined),
        name: `${tier}-prefix`,
      })),
      ...LOAD,
      ...tiers.map((tier) => ({
        ...type('prefix-cache-scorer', { prefixMatchInfoProducerName: `${tier}-prefix` }),
        name: `${tier}-prefix-scorer`,
      })),
    ],
    uses: [...WEIGHED_LOAD, ...tiers.map((tier) => use(`${tier}-prefix-scorer`, 1))],
  };
}

/** Ranks do their experts' work together, so that none is better than another. */
const wideEp = (): Config => ({
  plugins: [...SPLIT, type('random-picker', { maxNumOfEndpoints: 1 })],
  schedulingProfiles: (['prefill', 'decode'] as const).map((role) =>
    profile(role, use(`${role}-filter`), use('random-picker')),
  ),
});

const affinity = (name: string, affinityThreshold: number): JsonObject => ({
  ...type('prefix-cache-affinity-filter', { affinityThreshold }),
  name,
});

const predictedLatency = (): Config => ({
  plugins: [
    type('predicted-latency-producer', { streamingMode: true }),
    affinity('strict-affinity-filter', 0.99),
    affinity('loose-affinity-filter', 0.8),
    type('slo-headroom-tier-filter'),
    type('latency-scorer'),
    type('weighted-random-picker'),
    type('latency-slo-admitter'),
  ],
  schedulingProfiles: [
    profile(
      'default',
      use('predicted-latency-producer'),
      use('strict-affinity-filter'),
      use('slo-headroom-tier-filter'),
      use('loose-affinity-filter'),
      use('latency-scorer'),
      use('weighted-random-picker'),
    ),
  ],
});
