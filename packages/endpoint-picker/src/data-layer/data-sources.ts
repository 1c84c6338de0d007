// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type { Named, Plugin, ResolvedConfig, ResolvedPlugin } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import {
  createHttpMetricsTransport,
  type HttpMetricsTransportOptions,
} from '../scrape/http-metrics-transport.ts';
import type { MetricsTransport } from '../scrape/metrics-transport.ts';
import type { HttpSourceParameters } from './http-source-parameters.ts';
import { startPolledSource, type FedExtractor } from './polled-source.ts';

export interface DataSourcesOptions {
  readonly config: ResolvedConfig;
  /** The configuration's instances. */
  readonly plugins: readonly Named<Plugin>[];
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Default HTTP. */
  readonly connect?: (options: HttpMetricsTransportOptions) => MetricsTransport;
}

/** How often a source asks that is not told. */
const defaultIntervalsMs: ReadonlyMap<string, number> = new Map([
  // Models come and go with adapters; GPU utilization is a mean over a second already.
  ['models-data-source', 10_000],
  ['dcgm-data-source', 1000],
  ['metrics-data-source', 50],
]);

/**
 * Starts the sources that `dataLayer.sources` of a configuration lists, each on a rhythm of its own, as far as they feed
 * extractors that are plugins. The engines' own metrics have a scraper of their own.
 */
export function startDataSources(options: DataSourcesOptions): { close(): Promise<void> } {
  const { config, connect = createHttpMetricsTransport } = options;
  const typeOf = new Map(config.plugins.map((plugin) => [plugin.name, plugin]));
  const running = config.dataLayer.sources.flatMap(({ plugin: name, extractors: names }) => {
    const source = typeOf.get(name);
    const extractors = names.flatMap((extractor) => fed(typeOf.get(extractor), options.plugins));
    const intervalMs = source && defaultIntervalsMs.get(source.type);
    if (source === undefined || intervalMs === undefined || extractors.length === 0) return [];
    // Sources with such a rhythm have these parameters.
    const { interval = intervalMs, ...http } = source.parameters as HttpSourceParameters;
    const transport = connect(transportOptions(http));
    const polled = startPolledSource({
      ...options,
      type: source.type,
      transport,
      extractors,
      intervalMs: interval,
    });
    return [{ polled, transport }];
  });
  return {
    close: async () => {
      for (const { polled } of running) polled.stop();
      await Promise.all(running.map(({ transport }) => transport.close()));
    },
  };
}

function fed(
  extractor: ResolvedPlugin | undefined,
  plugins: readonly Named<Plugin>[],
): readonly FedExtractor[] {
  const plugin = plugins.find(({ name }) => name === extractor?.name)?.plugin.extractor;
  if (extractor === undefined || plugin === undefined) return [];
  return [{ name: extractor.name, type: extractor.type, plugin }];
}

const transportOptions = ({
  scheme,
  path,
  port,
  insecureSkipVerify,
}: Omit<HttpSourceParameters, 'interval'>): HttpMetricsTransportOptions => ({
  scheme,
  path,
  insecureSkipVerify,
  ...(port !== undefined && { port }),
});
