// SPDX-License-Identifier: Apache-2.0
import type { Named, Plugin } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import { createMetricAccounts, type MetricAccount } from './metric-accounts.ts';

/** Instances for a configuration that is about to run. */
export interface NewInstances {
  /** What an instance called `name` is to be created with. */
  telemetryOf(name: string): Telemetry;
  /** The configuration will not run; what was created for it has been closed. */
  discard(): void;
}

/** Plugin instances that several configurations may use at a time. */
export interface PluginInstances {
  /** Before instances are created. */
  prepare(): NewInstances;
  /** A configuration runs with these; those that nobody held before begin to follow the fleet. */
  hold(plugins: readonly Named<Plugin>[], prepared: NewInstances): void;
  /** A configuration is over. Those that nobody else holds are closed; resolves when they are, and never rejects. */
  release(plugins: readonly Named<Plugin>[]): Promise<void>;
}

interface Instance {
  holders: number;
  readonly account: MetricAccount | undefined;
  readonly unlisten: (() => void) | undefined;
}

/** Keeps each instance listening and measuring once, from its first configuration to its last. */
export function createPluginInstances(fleet: Fleet, telemetry: Telemetry): PluginInstances {
  const accounts = createMetricAccounts(telemetry.metrics);
  const instances = new Map<Plugin, Instance>();
  const opened = new WeakMap<NewInstances, ReadonlyMap<string, MetricAccount>>();

  const close = async ({ name, plugin }: Named<Plugin>): Promise<void> => {
    const instance = instances.get(plugin);
    if (instance === undefined || --instance.holders > 0) return;
    instances.delete(plugin);
    instance.unlisten?.();
    try {
      await plugin.close?.();
    } catch (error) {
      telemetry.logger.error('a plugin could not be closed', { plugin: name, error });
    }
    instance.account?.close();
  };

  return {
    prepare: () => {
      const made = new Map<string, MetricAccount>();
      const prepared: NewInstances = {
        telemetryOf: (name) => {
          const account = accounts.open();
          made.set(name, account);
          return { ...telemetry, metrics: account.metrics };
        },
        discard: () => {
          for (const account of made.values()) account.close();
        },
      };
      opened.set(prepared, made);
      return prepared;
    },
    hold: (plugins, prepared) => {
      const made = opened.get(prepared);
      for (const { name, plugin } of plugins) {
        const known = instances.get(plugin);
        if (known !== undefined) {
          known.holders++;
          continue;
        }
        const unlisten = plugin.endpoints && fleet.listen(plugin.endpoints);
        instances.set(plugin, { holders: 1, account: made?.get(name), unlisten });
      }
    },
    release: async (plugins) => {
      await Promise.all(plugins.map(close));
    },
  };
}
