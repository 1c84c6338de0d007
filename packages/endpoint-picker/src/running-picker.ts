// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import type { Named, Plugin, PluginRegistry, ResolvedConfig } from '@llm-d/scheduler-core';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { WatchedFiles } from './discovery/file-discovery.ts';
import { createFleet, type Fleet } from './fleet/fleet.ts';
import { startPoolGauges } from './fleet/pool-gauges.ts';
import { createDecisionLog } from './picker/decision-log.ts';
import type { EndpointPicker } from './picker/endpoint-picker.ts';
import { createDataLayer } from './reload/data-layer.ts';
import {
  Generations,
  type GenerationsOptions,
  type RetiringGeneration,
} from './reload/generations.ts';
import { createPluginInstances } from './reload/plugin-instances.ts';
import { prepareGeneration, type PreparedGeneration } from './reload/prepare-generation.ts';
import type { ReloadOutcome } from './reload/reload-outcome.ts';
import { createReloading } from './reload/reloading.ts';
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
  const first = await prepareGeneration(options.config, undefined, parts);
  const generations = begin(first, {
    ...options,
    fleet,
    instances,
    telemetry,
    poolName,
    decisions: createDecisionLog(options.decisionLogCapacity ?? 1000),
    retirementLimitMs: options.retirementLimitMs ?? 600_000,
  });
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
  const reloading = createReloading({ ...parts, generations });
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
    reload: (config) => reloading.reload(config),
    pluginStates: () => statesOf(generations.config, generations.plugins.plugins),
    close: async () => {
      await reloading.close();
      gauges.stop();
      await Promise.all([dataLayer.close(), generations.close()]);
    },
  };
}

/** Runs the first configuration. */
function begin({ next, data }: PreparedGeneration, options: GenerationsOptions): Generations {
  try {
    const generations = new Generations(next, options);
    data.start();
    return generations;
  } catch (error) {
    data.discard();
    throw error;
  }
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
