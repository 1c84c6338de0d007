// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { Histogram, Metrics } from '@llm-d/telemetry';
import { pluginDurationSeconds } from './metrics.ts';

/** Where a plugin's time is measured, by llm-d's names. */
export type MeasuredPoint =
  | 'Admission'
  | 'DataProducer'
  | 'Screener'
  | 'ProfilePicker'
  | 'Filter'
  | 'Scorer'
  | 'Picker'
  | 'ProcessProfilesResults'
  | 'PreRequest'
  | 'ResponseReceived'
  | 'ResponseStreaming'
  | 'ResponseComplete';

/** How long plugins take, by where they take part. */
export interface PluginDurations {
  /** What measures. */
  readonly clock: Clock;
  /** Where the seconds of an instance go. To be asked once, not for every request. */
  of(point: MeasuredPoint, plugin: string): Histogram;
  /** Type of an instance by its name; the name itself where the instance is not known. */
  typeOf(plugin: string): string;
}

export interface PluginDurationsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Types of the instances by name; an instance that is not there counts as its own type. */
  readonly types: ReadonlyMap<string, string>;
}

/** Durations that are shown as a metric. */
export function createPluginDurations(options: PluginDurationsOptions): PluginDurations {
  const { metrics, clock, types } = options;
  const typeOf = (plugin: string): string => types.get(plugin) ?? plugin;
  return {
    clock,
    of: (extension_point, plugin_name) =>
      metrics.histogram(pluginDurationSeconds, {
        extension_point,
        plugin_type: typeOf(plugin_name),
        plugin_name,
      }),
    typeOf,
  };
}

/** One plugin's turn in the placing of a request. Clock readings in milliseconds. */
export interface PluginRun {
  readonly point: MeasuredPoint;
  readonly plugin: string;
  readonly startMs: number;
  readonly endMs: number;
}
