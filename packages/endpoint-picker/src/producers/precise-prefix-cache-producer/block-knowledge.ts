// SPDX-License-Identifier: Apache-2.0
import type { KvFreshness, KvSourceFreshness } from '@llm-d/kv-events';
import type {
  Awaitable,
  KvIndexStats,
  KvMatches,
  MemoryKvBlockIndexOptions,
} from '@llm-d/kv-index';
import type { Endpoint, PluginContext } from '@llm-d/scheduler-core';
import type { EndpointNames } from './endpoint-names.ts';
import { startEventIntake, type Subscriber } from './event-intake.ts';
import type { KvEventSources } from './kv-event-sources.ts';
import type { StoredBlocksListener } from './observed-index.ts';
import { OwnIndex } from './own-index.ts';
import { SPECULATIVE_TIER } from './precise-matches.ts';
import type { PrecisePrefixParameters } from './precise-prefix-parameters.ts';

/** llm-d's bound on an index in memory. */
const DEFAULT_COPIES = 100_000_000;

export interface BlockKnowledgeOptions {
  readonly settings: PrecisePrefixParameters;
  /** Undefined where this process has no way to get events. */
  readonly sources: KvEventSources | undefined;
  readonly context: Pick<PluginContext, 'clock' | 'random' | 'telemetry'>;
  readonly names: EndpointNames;
  readonly onStored: StoredBlocksListener;
}

/** Which engine has which blocks, from wherever the configuration says. */
export interface BlockKnowledge {
  /** Where lookups go. */
  readonly backend: 'memory' | 'redis';
  lookup(requestKeys: Uint32Array): Awaitable<KvMatches>;
  /** Undefined where somebody else keeps the index. */
  freshness(): KvFreshness | undefined;
  /** Why what it finds may be wrong, for people; undefined where nothing is known against it. */
  doubt(): string | undefined;
  /** Whether everything that an endpoint published has been applied, as far as can be told. */
  isWhole(endpoint: Endpoint): boolean;
  sources(): readonly KvSourceFreshness[];
  subscribers(): readonly Subscriber[];
  stats(): KvIndexStats | undefined;
  endpointAdded(endpoint: Endpoint): void;
  /** To be called while the endpoint's names are gone already. */
  endpointRemoved(endpoint: Endpoint): void;
  close(): Promise<void>;
}

/** Starts to listen or connects, as configured: costAwareMemoryConfig goes before redisConfig, that before memory. */
export function startBlockKnowledge(options: BlockKnowledgeOptions): BlockKnowledge {
  const { redisConfig, costAwareMemoryConfig } = options.settings.indexerConfig.kvBlockIndexConfig;
  const isRemote = redisConfig !== undefined && costAwareMemoryConfig === undefined;
  if (options.sources === undefined) {
    options.context.telemetry.logger.warn(
      'no KV events are received: this program has no sources of them',
    );
  }
  return isRemote && options.sources !== undefined
    ? remoteKnowledge(options, options.sources, redisConfig.address)
    : ownKnowledge(options);
}

/** Worth of blocks by kind of memory. */
export function tierWeightsOf({
  indexerConfig,
}: PrecisePrefixParameters): Readonly<Record<string, number>> {
  return Object.fromEntries(
    indexerConfig.kvCacheBackendConfigs.map(({ name, weight }) => [name.toLowerCase(), weight]),
  );
}

/** Worth of a block that is believed to be there; llm-d counts it in full. */
export const speculativeWeightOf = (settings: PrecisePrefixParameters): number =>
  tierWeightsOf(settings)[SPECULATIVE_TIER] ?? 1;

function ownKnowledge(options: BlockKnowledgeOptions): BlockKnowledge {
  const { settings, sources, context, names, onStored } = options;
  const { blockSizeTokens, hashAlgorithm, hashSeed } = settings.tokenProcessorConfig;
  const { nats, zmqEndpoint } = settings.kvEventsConfig;
  const own = new OwnIndex({
    index: {
      blockSizeTokens,
      algorithm: hashAlgorithm,
      hashSeed,
      ...boundOf(settings),
      tierWeights: tierWeightsOf(settings),
      defer: setImmediate,
    },
    context,
    onStored,
    // Engines that connect say nothing while they have nothing to say.
    ...(zmqEndpoint !== '' && nats === undefined && { silentAfterMs: Infinity }),
  });
  // Without a bus nothing is kept back: what was heard was applied.
  if (nats === undefined) own.onCaughtUp(true);
  const intake =
    sources &&
    startEventIntake({
      ...context,
      settings: settings.kvEventsConfig,
      sources,
      index: own,
      names,
    });
  return {
    backend: 'memory',
    lookup: (keys) => own.index.lookup(keys),
    freshness: () => own.follower.freshness(),
    doubt: () => {
      // Engines that have connected are heard of without a connection of ours.
      const expected = zmqEndpoint === '' ? (intake?.connections ?? 0) : 0;
      return doubtOf(own.follower.freshness(), expected);
    },
    isWhole: ({ slot }) => {
      const heard = own.follower
        .sources()
        .filter(({ source }) => names.slotsOf(source.pod, source.dpRank).includes(slot));
      return heard.length > 0 && heard.every(({ state }) => state === 'whole');
    },
    sources: () => own.follower.sources(),
    subscribers: () => intake?.subscribers() ?? [],
    stats: () => own.index.stats(),
    endpointAdded: (endpoint) => intake?.added(endpoint),
    endpointRemoved: (endpoint) => intake?.removed(endpoint),
    close: async () => {
      await intake?.close();
      own[Symbol.dispose]();
    },
  };
}

function doubtOf(
  { isCaughtUp, sources, wholeSources }: KvFreshness,
  expected: number,
): string | undefined {
  if (!isCaughtUp) return 'events are still being caught up with';
  if (sources === 0) return 'no engine has been heard of';
  if (wholeSources < sources) {
    return `of ${sources} sources ${sources - wholeSources} are incomplete or silent`;
  }
  return sources < expected
    ? `${expected - sources} of ${expected} engines have not been heard of`
    : undefined;
}

function boundOf({
  indexerConfig,
}: PrecisePrefixParameters): Pick<MemoryKvBlockIndexOptions, 'maxBytes' | 'maxCopies'> {
  const { costAwareMemoryConfig, inMemoryConfig } = indexerConfig.kvBlockIndexConfig;
  if (costAwareMemoryConfig !== undefined) return { maxBytes: costAwareMemoryConfig.size };
  return { maxCopies: inMemoryConfig?.size ?? DEFAULT_COPIES };
}

function remoteKnowledge(
  { settings, context }: BlockKnowledgeOptions,
  sources: KvEventSources,
  address: string,
): BlockKnowledge {
  const { blockSizeTokens, hashAlgorithm, hashSeed } = settings.tokenProcessorConfig;
  const end = new AbortController();
  const remote = sources.openRedis({
    ...context,
    signal: end.signal,
    address,
    keys: { algorithm: hashAlgorithm, hashSeed, blockSizeTokens },
    tierWeights: tierWeightsOf(settings),
  });
  return {
    backend: 'redis',
    lookup: (keys) => remote.lookup(keys),
    freshness: () => undefined,
    doubt: () => remote.doubt(),
    isWhole: () => false,
    sources: () => [],
    subscribers: () => [{ source: 'redis', address }],
    stats: () => undefined,
    endpointAdded: () => undefined,
    endpointRemoved: () => undefined,
    close: async () => {
      end.abort();
      await remote.close();
    },
  };
}
