// SPDX-License-Identifier: Apache-2.0
import type { Clock, Timer } from '@llm-d/determinism';
import type { InstantiatedPlugins, ResolvedConfig } from '@llm-d/scheduler-core';
import type { Telemetry } from '@llm-d/telemetry';
import type { Fleet } from '../fleet/fleet.ts';
import type { DecisionLog } from '../picker/decision-log.ts';
import {
  createEndpointPicker,
  type EndpointPicker,
  type EndpointPickerOptions,
  type OwnEndpointPicker,
} from '../picker/endpoint-picker.ts';
import { createMetricAccounts, type MetricAccount } from './metric-accounts.ts';
import type { NewInstances, PluginInstances } from './plugin-instances.ts';

export interface GenerationsOptions extends Pick<
  EndpointPickerOptions,
  'poolName' | 'isKnownPriority'
> {
  readonly fleet: Fleet;
  readonly instances: PluginInstances;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly decisions: DecisionLog;
  /** Longest that a configuration which was replaced serves what it has begun. */
  readonly retirementLimitMs: number;
}

/** A configuration with everything that it needs to run. */
export interface NewGeneration {
  readonly config: ResolvedConfig;
  readonly plugins: InstantiatedPlugins;
  readonly instances: NewInstances;
  readonly scrapeIntervalMs: number | undefined;
}

/** A configuration that runs, or serves what it has begun. */
interface Generation {
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly plugins: InstantiatedPlugins;
  readonly picker: OwnEndpointPicker;
  readonly account: MetricAccount;
}

/** A configuration that takes no more requests. */
export interface RetiringGeneration {
  readonly generation: number;
  /** Requests that it still has. */
  readonly inFlight: number;
}

/**
 * Pickers of one configuration after the other over one fleet. A request stays with the one that it came to: there it
 * waits, is placed and answered. What a configuration leaves to the next, such as plugins that are kept, is handed on
 * in the turn of the swap.
 */
export class Generations {
  /** Places each request by the configuration that runs when it comes. */
  readonly picker: EndpointPicker;
  readonly #options: GenerationsOptions;
  readonly #accounts;
  /** Those that take no more requests, with what ends them at the latest. */
  readonly #retiring = new Map<Generation, Timer>();
  /** Two queues that look at the same servers must not give one place away twice. */
  readonly #unplaced = { requests: 0, bytes: 0 };
  readonly #endings = new Set<Promise<void>>();
  #current: Generation;

  constructor(first: NewGeneration, options: GenerationsOptions) {
    this.#options = options;
    this.#accounts = createMetricAccounts(options.telemetry.metrics);
    this.#current = this.#begin(1, first);
    this.picker = this.#facade();
  }

  get number(): number {
    return this.#current.number;
  }

  get config(): ResolvedConfig {
    return this.#current.config;
  }

  get plugins(): InstantiatedPlugins {
    return this.#current.plugins;
  }

  /** Those that still have requests, the oldest in front. */
  get retiring(): readonly RetiringGeneration[] {
    return [...this.#retiring.keys()].map(({ number, picker }) => ({
      generation: number,
      inFlight: picker.inFlight,
    }));
  }

  /** Requests go to another configuration from now on. Throws, and changes nothing, where a plugin is broken. */
  swap(next: NewGeneration): void {
    const previous = this.#current;
    this.#current = this.#begin(previous.number + 1, next);
    this.#retire(previous);
  }

  /** Ends all; what waits is refused. Resolves when every plugin is closed. */
  async close(): Promise<void> {
    for (const generation of [...this.#retiring.keys()]) this.#end(generation);
    this.#end(this.#current);
    await Promise.all(this.#endings);
  }

  #begin(number: number, { config, plugins, instances, ...next }: NewGeneration): Generation {
    const { fleet, clock, telemetry, decisions, poolName, isKnownPriority } = this.#options;
    const account = this.#accounts.open();
    this.#options.instances.hold(plugins.plugins, instances);
    try {
      const picker = createEndpointPicker({
        fleet,
        plugins,
        clock,
        telemetry: { ...telemetry, metrics: account.metrics },
        decisions,
        generation: number,
        pluginsFollowFleet: true,
        unplaced: this.#unplaced,
        onRoom: () => {
          this.#tellOthers(number);
        },
        ...(next.scrapeIntervalMs !== undefined && { scrapeIntervalMs: next.scrapeIntervalMs }),
        ...(poolName !== undefined && { poolName }),
        ...(isKnownPriority !== undefined && { isKnownPriority }),
      });
      return { number, config, plugins, picker, account };
    } catch (error) {
      account.close();
      void this.#options.instances.release(plugins.plugins);
      throw error;
    }
  }

  #retire(generation: Generation): void {
    const { clock, telemetry, retirementLimitMs } = this.#options;
    const limit = clock.schedule(retirementLimitMs, () => {
      telemetry.logger.warn('a replaced configuration still has requests and is ended', {
        generation: generation.number,
        inFlight: generation.picker.inFlight,
      });
      this.#end(generation);
    });
    this.#retiring.set(generation, limit);
    generation.picker.whenIdle(() => {
      if (this.#retiring.has(generation)) this.#end(generation);
    });
  }

  #end(generation: Generation): void {
    this.#retiring.get(generation)?.cancel();
    this.#retiring.delete(generation);
    generation.picker.close();
    const ending: Promise<void> = this.#options.instances
      .release(generation.plugins.plugins)
      .then(() => {
        generation.account.close();
      })
      .finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  /** A server has room, whoever waits for it. */
  #tellOthers(number: number): void {
    if (this.#retiring.size === 0) return;
    for (const other of [...this.#retiring.keys(), this.#current]) {
      if (other.number !== number) other.picker.changed();
    }
  }

  #facade(): EndpointPicker {
    const { fleet, decisions } = this.#options;
    const current = (): OwnEndpointPicker => this.#current.picker;
    return {
      fleet,
      decisions,
      get readsBodies() {
        return current().readsBodies;
      },
      get flowControl() {
        return current().flowControl;
      },
      pick: (request, options) => current().pick(request, options),
      close: () => {
        for (const { picker } of this.#retiring.keys()) picker.close();
        current().close();
      },
    };
  }
}
