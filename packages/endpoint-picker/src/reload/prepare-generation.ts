// SPDX-License-Identifier: Apache-2.0
import type { Clock, Random } from '@llm-d/determinism';
import {
  instantiatePlugins,
  type InstantiatedPlugins,
  type Plugin,
  type PluginRegistry,
  type ResolvedConfig,
  type ReusablePlugins,
} from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import { stallOf } from '../flow-control/stall.ts';
import type { DataLayer, PreparedDataLayer } from './data-layer.ts';
import type { NewGeneration } from './generations.ts';
import type { PluginInstances } from './plugin-instances.ts';

/** A configuration that is ready to run. */
export interface PreparedGeneration {
  readonly next: NewGeneration;
  readonly data: PreparedDataLayer;
}

export interface PreparationParts {
  readonly registry: PluginRegistry;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly dataLayer: DataLayer;
  readonly instances: PluginInstances;
}

/**
 * Makes a configuration ready to run beside the `present` one. Rejects with what a plugin or the data layer has against
 * it; nothing is left behind then.
 */
export async function prepareGeneration(
  config: ResolvedConfig,
  present: ReusablePlugins | undefined,
  { registry, random, clock, telemetry, dataLayer, instances }: PreparationParts,
): Promise<PreparedGeneration> {
  const prepared = instances.prepare();
  let plugins: InstantiatedPlugins | undefined;
  try {
    plugins = instantiatePlugins(config, registry, {
      random,
      clock,
      telemetry,
      telemetryOf: (name) => prepared.telemetryOf(name),
      ...(present && { reuse: present }),
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

/** It will not run after all. */
export function discardGeneration({ next, data }: PreparedGeneration): void {
  data.discard();
  closeNew(next.plugins);
  next.instances.discard();
}

/** Ends the instances that exist for the sake of a configuration that will not run. */
function closeNew(plugins: InstantiatedPlugins | undefined): void {
  const close = async (plugin: Plugin): Promise<void> => plugin.close?.();
  for (const { name, plugin } of plugins?.plugins ?? []) {
    if (plugins?.kept.has(name) !== true) close(plugin).catch(() => undefined);
  }
}
