// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import {
  instantiatePlugins,
  type Named,
  type Plugin,
  type PluginRegistry,
  type ResolvedConfig,
} from '@llm-d/scheduler-core';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import {
  coreMetricsExtractorParameters,
  fileDiscoveryParameters,
  metricsDataSourceParameters,
} from './config/structural-plugins.ts';
import { startDataSources } from './data-layer/data-sources.ts';
import { startFileDiscovery, type WatchedFiles } from './discovery/file-discovery.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { startPoolGauges } from './fleet/pool-gauges.ts';
import { stallOf } from './flow-control/stall.ts';
import { createEndpointPicker, type EndpointPicker } from './picker/endpoint-picker.ts';
import { createMappingSelector } from './scrape/configured-mapping.ts';
import { createHttpMetricsTransport } from './scrape/http-metrics-transport.ts';
import type { MetricsTransport } from './scrape/metrics-transport.ts';
import { startScraper } from './scrape/scraper.ts';

export interface RunningPickerOptions {
  /** What to run, resolved with `registry`. */
  readonly config: ResolvedConfig;
  readonly registry: PluginRegistry;
  readonly clock: Clock;
  readonly random: Random;
  /** Members. Default an empty one, which the configured discovery fills. */
  readonly fleet?: Fleet;
  /** Default silent. */
  readonly telemetry?: Telemetry;
  /** Time from one scrape of an endpoint to its next, where the configuration does not say. Default 50. */
  readonly scrapeIntervalMs?: number;
  /** Name of the pool in metrics. Default `epp`. */
  readonly poolName?: string;
  /** Time between two updates of the gauges over the pool. Default 5000. */
  readonly poolGaugesIntervalMs?: number;
  readonly decisionLogCapacity?: number;
  /**
   * Whether flow control keeps requests of this priority apart though no band is configured for it; others count as
   * priority 0. Default all.
   */
  readonly isKnownPriority?: (priority: number) => boolean;
  /** Default HTTP as configured. */
  readonly metricsTransport?: MetricsTransport;
  readonly files?: WatchedFiles;
}

/** What a plugin is doing. */
export interface PluginState {
  readonly type: string;
  readonly state: unknown;
}

/** An endpoint picker with its data layer at work. */
export interface RunningPicker {
  readonly picker: EndpointPicker;
  readonly fleet: Fleet;
  readonly config: ResolvedConfig;
  /** What each plugin that has something to say is doing, by its name: plain data, for people. */
  pluginStates(): Readonly<Record<string, PluginState>>;
  /** Ends discovery and scraping; nothing is in flight when it resolves. */
  close(): Promise<void>;
}

/**
 * Builds everything a configuration describes, and starts discovery and scraping. Rejects with EndpointsFileError when
 * the configured endpoints file cannot be used.
 */
export async function startEndpointPicker(options: RunningPickerOptions): Promise<RunningPicker> {
  const { config, registry, clock, random, telemetry = noopTelemetry } = options;
  const fleet = options.fleet ?? createFleet();
  const plugins = instantiatePlugins(config, registry, { random, clock, telemetry });
  const source = settingsOf(config, 'metrics-data-source', metricsDataSourceParameters);
  const extractor = settingsOf(config, 'core-metrics-extractor', coreMetricsExtractorParameters);
  const mappingFor = createMappingSelector(extractor);
  const transport =
    options.metricsTransport ?? createHttpMetricsTransport(transportOptions(source));
  const discovery = await discover(options, fleet);
  const poolName = options.poolName ?? 'epp';
  const scrapeIntervalMs = source.interval ?? options.scrapeIntervalMs ?? 50;
  const stall = stallOf(config, scrapesEngines(config) ? scrapeIntervalMs : undefined);
  if (stall !== undefined) telemetry.logger.warn(stall);

  const picker = createEndpointPicker({
    fleet,
    plugins,
    clock,
    telemetry,
    poolName,
    scrapeIntervalMs,
    ...(options.decisionLogCapacity !== undefined && {
      decisionLogCapacity: options.decisionLogCapacity,
    }),
    ...(options.isKnownPriority !== undefined && { isKnownPriority: options.isKnownPriority }),
  });
  const scraper = scrapesEngines(config)
    ? startScraper({
        fleet,
        transport,
        clock,
        random,
        mappingFor,
        telemetry,
        intervalMs: scrapeIntervalMs,
      })
    : undefined;
  const sources = startDataSources({
    config,
    plugins: plugins.plugins,
    fleet,
    clock,
    random,
    telemetry,
  });
  const gauges = startPoolGauges({
    fleet,
    clock,
    metrics: telemetry.metrics,
    poolName,
    onRefresh: () => {
      picker.flowControl?.refresh();
    },
    ...(options.poolGaugesIntervalMs !== undefined && {
      intervalMs: options.poolGaugesIntervalMs,
    }),
  });
  return {
    picker,
    fleet,
    config,
    pluginStates: () => statesOf(config, plugins.plugins),
    close: async () => {
      discovery?.stop();
      scraper?.stop();
      gauges.stop();
      picker.close();
      await Promise.all([
        transport.close(),
        sources.close(),
        ...plugins.plugins.map(({ plugin }) => plugin.close?.()),
      ]);
    },
  };
}

/** Whether `dataLayer.sources` asks for the engines' metrics, as it does unless it is told not to. */
function scrapesEngines({ plugins, dataLayer }: ResolvedConfig): boolean {
  const isOfType = (name: string, type: string) =>
    plugins.some((plugin) => plugin.name === name && plugin.type === type);
  return dataLayer.sources.some(
    ({ plugin, extractors }) =>
      isOfType(plugin, 'metrics-data-source') &&
      extractors.some((extractor) => isOfType(extractor, 'core-metrics-extractor')),
  );
}

function statesOf(
  config: ResolvedConfig,
  plugins: readonly Named<Plugin>[],
): Readonly<Record<string, PluginState>> {
  const types = new Map(config.plugins.map(({ name, type }) => [name, type]));
  return Object.fromEntries(
    plugins.flatMap(({ name, plugin }) =>
      plugin.state === undefined
        ? []
        : [[name, { type: types.get(name) ?? name, state: plugin.state() }]],
    ),
  );
}

/** Parameters of the first plugin of a type, or the type's defaults where the configuration has none. */
function settingsOf<T>(
  config: ResolvedConfig,
  type: string,
  schema: { parse(value: unknown): T },
): T {
  const plugin = config.plugins.find((candidate) => candidate.type === type);
  // Resolved parameters are the schema's output already.
  return plugin === undefined ? schema.parse({}) : (plugin.parameters as T);
}

type SourceSettings = ReturnType<typeof metricsDataSourceParameters.parse>;

const transportOptions = ({ scheme, path, port, insecureSkipVerify }: SourceSettings) => ({
  scheme,
  path,
  insecureSkipVerify,
  ...(port !== undefined && { port }),
});

function discover(options: RunningPickerOptions, fleet: Fleet) {
  const { config, clock, telemetry = noopTelemetry, files } = options;
  const name = config.dataLayer.discovery;
  const plugin = config.plugins.find((candidate) => candidate.name === name);
  if (plugin?.type !== 'file-discovery') return undefined;
  const { path, watchFile } = plugin.parameters as ReturnType<typeof fileDiscoveryParameters.parse>;
  return startFileDiscovery({
    fleet,
    path,
    watchFile,
    clock,
    logger: telemetry.logger,
    ...(files !== undefined && { files }),
  });
}
