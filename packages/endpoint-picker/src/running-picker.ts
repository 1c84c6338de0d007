// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import {
  configDiff,
  instantiatePlugins,
  type ConfigProblem,
  type InstantiatedPlugins,
  type Named,
  type Plugin,
  type PluginRegistry,
  type ResolvedConfig,
} from '@llm-d/scheduler-core';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { WatchedFiles } from './discovery/file-discovery.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { startPoolGauges } from './fleet/pool-gauges.ts';
import { stallOf } from './flow-control/stall.ts';
import { createDecisionLog } from './picker/decision-log.ts';
import type { EndpointPicker } from './picker/endpoint-picker.ts';
import { createDataLayer, type DataLayer, type PreparedDataLayer } from './reload/data-layer.ts';
import { Generations, type NewGeneration, type RetiringGeneration } from './reload/generations.ts';
import { createPluginInstances, type PluginInstances } from './reload/plugin-instances.ts';
import { restartReason, type ReloadOutcome } from './reload/reload-outcome.ts';
import type { MetricsTransport } from './scrape/metrics-transport.ts';

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
  /**
   * How long (ms) a configuration that was replaced may serve what it has begun; then what still waits in its queues is
   * refused and its plugins are closed. Default 600 000.
   */
  readonly retirementLimitMs?: number;
  /** Why whoever embeds the picker cannot go on with another configuration; undefined where it can. Default it can. */
  readonly restartReason?: (before: ResolvedConfig, after: ResolvedConfig) => string | undefined;
}

/** What a plugin is doing. */
export interface PluginState {
  readonly type: string;
  readonly state: unknown;
}

/** An endpoint picker with its data layer at work. */
export interface RunningPicker {
  /** The same through all configurations. */
  readonly picker: EndpointPicker;
  readonly fleet: Fleet;
  /** The one that decides about requests that come now. */
  readonly config: ResolvedConfig;
  /** Its number: 1 at the start, one more with each that replaced another. */
  readonly generation: number;
  /** Replaced ones that still have requests, the oldest in front. */
  readonly retiring: readonly RetiringGeneration[];
  /**
   * Runs another configuration, resolved with the same registry, if it can: everything is made ready beside the old one,
   * then requests go to the new one from one turn of the event loop to the next. Instances of plugins with the same
   * settings are kept. What was begun is finished under the old one. One at a time; never rejects.
   */
  reload(config: ResolvedConfig): Promise<ReloadOutcome>;
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
  const { clock, random, telemetry = noopTelemetry, files, poolName = 'epp' } = options;
  const fleet = options.fleet ?? createFleet();
  const dataLayer = createDataLayer({
    fleet,
    clock,
    random,
    telemetry,
    scrapeIntervalMs: options.scrapeIntervalMs ?? 50,
    metricsTransport: options.metricsTransport,
    files,
  });
  const instances = createPluginInstances(fleet, telemetry);
  const parts = { ...options, telemetry, dataLayer, instances };
  const first = await prepare(options.config, undefined, parts);
  const generations = new Generations(first.next, {
    ...options,
    fleet,
    instances,
    telemetry,
    poolName,
    decisions: createDecisionLog(options.decisionLogCapacity ?? 1000),
    retirementLimitMs: options.retirementLimitMs ?? 600_000,
  });
  first.data.start();
  const gauges = startPoolGauges({
    fleet,
    clock,
    metrics: telemetry.metrics,
    poolName,
    onRefresh: () => {
      generations.picker.flowControl?.refresh();
    },
    ...(options.poolGaugesIntervalMs !== undefined && {
      intervalMs: options.poolGaugesIntervalMs,
    }),
  });
  let isClosed = false;
  let reloading: Promise<unknown> = Promise.resolve();

  const reload = async (config: ResolvedConfig): Promise<ReloadOutcome> => {
    const { config: before, plugins } = generations;
    const diff = configDiff(before, config);
    if (diff.isEmpty) return { kind: 'unchanged' };
    const reason = isClosed
      ? CLOSING
      : (restartReason(before, config) ?? options.restartReason?.(before, config));
    if (reason !== undefined) return { kind: 'refused', reason };
    try {
      const { next, data } = await prepare(config, { config: before, plugins }, parts);
      if (isClosed) {
        discard(next, data);
        return { kind: 'refused', reason: CLOSING };
      }
      try {
        generations.swap(next);
      } catch (error) {
        data.discard();
        throw error;
      }
      data.start();
      const recreated = diff.plugins.kept.filter((name) => !next.plugins.kept.has(name));
      return { kind: 'applied', generation: generations.number, diff, recreated };
    } catch (error) {
      return { kind: 'invalid', problems: [problemOf(error)] };
    }
  };

  return {
    picker: generations.picker,
    fleet,
    get config() {
      return generations.config;
    },
    get generation() {
      return generations.number;
    },
    get retiring() {
      return generations.retiring;
    },
    reload: (config) => {
      const outcome = reloading.then(() => reload(config));
      reloading = outcome;
      return outcome;
    },
    pluginStates: () => statesOf(generations.config, generations.plugins.plugins),
    close: async () => {
      isClosed = true;
      await reloading;
      gauges.stop();
      await Promise.all([dataLayer.close(), generations.close()]);
    },
  };
}

const CLOSING = 'the endpoint picker is shutting down';

interface PreparationParts extends RunningPickerOptions {
  readonly telemetry: Telemetry;
  readonly dataLayer: DataLayer;
  readonly instances: PluginInstances;
}

/** Makes a configuration ready to run; what cannot be made ready leaves nothing behind. */
async function prepare(
  config: ResolvedConfig,
  present: { readonly config: ResolvedConfig; readonly plugins: InstantiatedPlugins } | undefined,
  { registry, random, clock, telemetry, dataLayer, instances }: PreparationParts,
): Promise<{ readonly next: NewGeneration; readonly data: PreparedDataLayer }> {
  const prepared = instances.prepare();
  let plugins: InstantiatedPlugins | undefined;
  try {
    plugins = instantiatePlugins(config, registry, {
      random,
      clock,
      telemetry,
      telemetryOf: (name) => prepared.telemetryOf(name),
      ...(present && { reuse: { config: present.config, plugins: present.plugins.plugins } }),
    });
    const data = await dataLayer.prepare(config, plugins);
    const { scrapeIntervalMs } = data;
    const stall = stallOf(config, scrapeIntervalMs);
    if (stall !== undefined) telemetry.logger.warn(stall);
    return { next: { config, plugins, instances: prepared, scrapeIntervalMs }, data };
  } catch (error) {
    closeNew(plugins);
    prepared.discard();
    throw error;
  }
}

function discard({ plugins, instances }: NewGeneration, data: PreparedDataLayer): void {
  data.discard();
  closeNew(plugins);
  instances.discard();
}

/** Ends the instances that exist for the sake of a configuration that will not run. */
function closeNew(plugins: InstantiatedPlugins | undefined): void {
  const close = async (plugin: Plugin): Promise<void> => plugin.close?.();
  for (const { name, plugin } of plugins?.plugins ?? []) {
    if (plugins?.kept.has(name) !== true) close(plugin).catch(() => undefined);
  }
}

/** The whole of what a plugin or a part of the data layer has against a configuration. */
function problemOf(error: unknown): ConfigProblem {
  if (!(error instanceof Error)) return { path: '', message: String(error) };
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  return {
    path: '',
    message: error.message.includes(cause) ? error.message : error.message + cause,
  };
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
