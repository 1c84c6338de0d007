// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import {
  dataDifferences,
  type InstantiatedPlugins,
  type ResolvedConfig,
  type ResolvedPlugin,
} from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import {
  coreMetricsExtractorParameters,
  metricsDataSourceParameters,
  type fileDiscoveryParameters,
} from '../config/structural-plugins.ts';
import { startDataSources } from '../data-layer/data-sources.ts';
import {
  openEndpointsFile,
  type OpenedEndpointsFile,
  type WatchedFiles,
} from '../discovery/file-discovery.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { createMappingSelector } from '../scrape/configured-mapping.ts';
import { createHttpMetricsTransport } from '../scrape/http-metrics-transport.ts';
import type { MetricsTransport } from '../scrape/metrics-transport.ts';
import { startScraper } from '../scrape/scraper.ts';

export interface DataLayerOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Time (ms) from one scrape of an endpoint to its next, where the configuration does not say. */
  readonly scrapeIntervalMs: number;
  /** Gets engine metrics; default HTTP as configured. Closed with the data layer. */
  readonly metricsTransport: MetricsTransport | undefined;
  /** Default the file system. */
  readonly files: WatchedFiles | undefined;
}

/** What feeds a fleet: discovery, the engines' metrics, other sources. */
export interface DataLayer {
  /**
   * Gets everything ready that a configuration wants otherwise than it is now. Rejects with an error that names what
   * cannot be used: EndpointsFileError, UnknownEngineError or MetricSpecError. Nothing has changed then.
   */
  prepare(config: ResolvedConfig, plugins: InstantiatedPlugins): Promise<PreparedDataLayer>;
  /** Ends everything; resolves when nothing is in flight. */
  close(): Promise<void>;
}

/** A data layer that waits for its turn. */
export interface PreparedDataLayer {
  /** Time (ms) between two scrapes of an endpoint; undefined where nobody scrapes. */
  readonly scrapeIntervalMs: number | undefined;
  /** Runs it from now on: what has other settings is ended and started anew, everything else goes on. */
  start(): void;
  /** It will not run. */
  discard(): void;
}

/** Something that runs by settings. */
interface Part {
  readonly settings: unknown;
  /** Ends it; resolves when nothing of it is in flight. */
  readonly end: () => Promise<void>;
}

/** A data layer in which nothing runs yet. */
export function createDataLayer(options: DataLayerOptions): DataLayer {
  const running = new Map<string, Part>();
  const endings = new Set<Promise<void>>();

  const end = (name: string): void => {
    const part = running.get(name);
    if (part === undefined) return;
    running.delete(name);
    const ending: Promise<void> = part
      .end()
      .catch((error: unknown) => {
        options.telemetry.logger.error('a part of the data layer did not end', {
          part: name,
          error,
        });
      })
      .finally(() => endings.delete(ending));
    endings.add(ending);
  };
  const isSame = (name: string, settings: unknown): boolean =>
    dataDifferences(running.get(name)?.settings, settings).length === 0;
  /** What to do in the turn of the swap. */
  const planned = (name: string, settings: unknown, begin: () => Part['end']) => () => {
    if (isSame(name, settings)) return;
    end(name);
    if (settings !== undefined) running.set(name, { settings, end: begin() });
  };

  return {
    prepare: async (config, plugins) => {
      const scrape = scrapeSettings(config, options);
      const scraper = scraperOf(scrape, options);
      const scraping = planned('scraper', scrape, scraper);
      const discovery = discoverySettings(config);
      const opened =
        discovery === undefined || isSame('discovery', discovery)
          ? undefined
          : await openEndpoints(discovery, options);
      const discovering = planned('discovery', discovery, () => {
        opened?.start();
        return () => {
          opened?.stop();
          return Promise.resolve();
        };
      });
      const sources = sourceSettings(config, plugins);
      const polling = planned('sources', sources, () => {
        const started = startDataSources({ ...options, config, plugins: plugins.plugins });
        return () => started.close();
      });
      return {
        scrapeIntervalMs: scrape?.intervalMs,
        start: () => {
          discovering();
          scraping();
          polling();
        },
        discard: () => opened?.stop(),
      };
    },
    close: async () => {
      for (const name of [...running.keys()]) end(name);
      await Promise.all([...endings, options.metricsTransport?.close()]);
    },
  };
}

type DiscoverySettings = ReturnType<typeof fileDiscoveryParameters.parse>;

/** Undefined where endpoints come from elsewhere. */
function discoverySettings({ dataLayer, plugins }: ResolvedConfig): DiscoverySettings | undefined {
  const plugin = plugins.find(({ name }) => name === dataLayer.discovery);
  // Resolved parameters are the output of the type's schema; so are those below.
  return plugin?.type === 'file-discovery' ? (plugin.parameters as DiscoverySettings) : undefined;
}

function openEndpoints(
  { path, watchFile }: DiscoverySettings,
  { fleet, clock, telemetry, files }: DataLayerOptions,
): Promise<OpenedEndpointsFile> {
  return openEndpointsFile({
    fleet,
    path,
    watchFile,
    clock,
    logger: telemetry.logger,
    ...(files !== undefined && { files }),
  });
}

interface ScrapeSettings {
  readonly source: Pick<SourceSettings, 'scheme' | 'path' | 'port' | 'insecureSkipVerify'>;
  readonly extractor: ReturnType<typeof coreMetricsExtractorParameters.parse>;
  readonly intervalMs: number;
}

type SourceSettings = ReturnType<typeof metricsDataSourceParameters.parse>;

/** Undefined where `dataLayer.sources` does not ask for the engines' metrics. */
function scrapeSettings(
  config: ResolvedConfig,
  { scrapeIntervalMs }: DataLayerOptions,
): ScrapeSettings | undefined {
  // Looked up in any case, so that what makes no sense is refused though nobody asks for it.
  const source = settingsOf(config, 'metrics-data-source', metricsDataSourceParameters);
  const extractor = settingsOf(config, 'core-metrics-extractor', coreMetricsExtractorParameters);
  createMappingSelector(extractor);
  if (!scrapesEngines(config)) return undefined;
  const { interval: intervalMs = scrapeIntervalMs, ...rest } = source;
  return { source: rest, extractor, intervalMs };
}

function scraperOf(settings: ScrapeSettings | undefined, options: DataLayerOptions) {
  return (): (() => Promise<void>) => {
    if (settings === undefined) return () => Promise.resolve();
    const { source, extractor, intervalMs } = settings;
    const { scheme, path, port, insecureSkipVerify } = source;
    const given = options.metricsTransport;
    const transport =
      given ??
      createHttpMetricsTransport({
        scheme,
        path,
        insecureSkipVerify,
        ...(port !== undefined && { port }),
      });
    const scraper = startScraper({
      ...options,
      transport,
      mappingFor: createMappingSelector(extractor),
      intervalMs,
    });
    return async () => {
      scraper.stop();
      if (given === undefined) await transport.close();
    };
  };
}

/** What decides about the sources that feed extractors, with the extractors' instances. */
function sourceSettings(config: ResolvedConfig, { plugins }: InstantiatedPlugins) {
  const parametersOf = new Map<string, ResolvedPlugin>(config.plugins.map((p) => [p.name, p]));
  const instanceOf = new Map(plugins.map(({ name, plugin }) => [name, plugin.extractor]));
  return config.dataLayer.sources.map(({ plugin, extractors }) => ({
    name: plugin,
    type: parametersOf.get(plugin)?.type,
    parameters: parametersOf.get(plugin)?.parameters,
    extractors: extractors.map((name) => ({ name, instance: instanceOf.get(name) })),
  }));
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

/** Parameters of the first plugin of a type, or the type's defaults where the configuration has none. */
function settingsOf<T>(
  config: ResolvedConfig,
  type: string,
  schema: { parse(value: unknown): T },
): T {
  const plugin = config.plugins.find((candidate) => candidate.type === type);
  return plugin === undefined ? schema.parse({}) : (plugin.parameters as T);
}
