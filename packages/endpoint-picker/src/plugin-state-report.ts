// SPDX-License-Identifier: Apache-2.0
import type { RunningPicker } from './running-picker.ts';

/** What one plugin is doing, or that it does not say. */
export type ReportedPlugin =
  | { readonly type: string; readonly state: unknown }
  | { readonly type: string; readonly message: string };

/** What `/debug/plugins/state` answers, in llm-d's shape. */
export interface PluginStateReport {
  /** ISO 8601. */
  readonly timestamp: string;
  /** Every plugin of the configuration in force, by its name. */
  readonly plugins: Readonly<Record<string, ReportedPlugin>>;
}

const NO_STATE = 'the plugin shows no state';

/** What all plugins are doing at a moment of the wall clock. */
export function pluginStateReport(
  running: Pick<RunningPicker, 'config' | 'pluginStates'>,
  epochMs: number,
): PluginStateReport {
  const states = running.pluginStates();
  return {
    timestamp: new Date(epochMs).toISOString(),
    plugins: Object.fromEntries(
      running.config.plugins.map(({ name, type }) => [
        name,
        states[name] ?? { type, message: NO_STATE },
      ]),
    ),
  };
}
