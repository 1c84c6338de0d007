// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom, type Clock, type Random } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import { dataDifferences } from './config/data-differences.ts';
import type {
  ResolvedConfig,
  ResolvedFlowControl,
  ResolvedPlugin,
  ResolvedPriorityBand,
  ResolvedProfile,
} from './config/resolved-config.ts';
import { topologicalOrder } from './config/topological-order.ts';
import type {
  EvictionFilter,
  EvictionOrdering,
  FairnessPolicy,
  OrderingPolicy,
  SaturationDetector,
  UsageLimitPolicy,
} from './flow-control-contracts.ts';
import type {
  Admitter,
  DataProducer,
  EndpointListener,
  Plugin,
  PreRequest,
  RequestHeaders,
  ResponseHooks,
  Screener,
} from './plugin-contracts.ts';
import { namesReferred, type AnyPluginDefinition } from './plugin-definition.ts';
import { createPluginDurations, type PluginDurations } from './plugin-durations.ts';
import type { PluginRegistry } from './plugin-registry.ts';
import {
  createScheduler,
  type Named,
  type Scheduler,
  type SchedulingProfile,
} from './scheduler.ts';

export interface InstantiateOptions {
  /** Chance for every plugin. Default the runtime's own. */
  readonly random?: Random;
  /** Time for every plugin. Default the runtime's own. */
  readonly clock?: Clock;
  /** Default silent. */
  readonly telemetry?: Telemetry;
  /** The telemetry of one instance, by its name. Default `telemetry`. */
  readonly telemetryOf?: (name: string) => Telemetry;
  /** Instances that exist already and may go on. Default none. */
  readonly reuse?: ReusablePlugins;
}

/** What a configuration runs already. */
export interface ReusablePlugins {
  readonly config: ResolvedConfig;
  readonly plugins: readonly Named<Plugin>[];
}

/** Everything a configuration runs. */
export interface InstantiatedPlugins {
  readonly scheduler: Scheduler;
  /** Every instance, each after those it refers to. */
  readonly plugins: readonly Named<Plugin>[];
  /** How long they take, for those who call them. */
  readonly durations: PluginDurations;
  /** Names of the instances that existed before, see {@link InstantiateOptions.reuse}. */
  readonly kept: ReadonlySet<string>;
  readonly requestHeaders: readonly Named<RequestHeaders>[];
  /** In the order in which they must run. */
  readonly producers: readonly Named<DataProducer>[];
  readonly screeners: readonly Named<Screener>[];
  readonly admitters: readonly Named<Admitter>[];
  readonly preRequest: readonly Named<PreRequest>[];
  readonly response: readonly Named<ResponseHooks>[];
  readonly endpoints: readonly Named<EndpointListener>[];
  /** Undefined where the registry has none. */
  readonly saturationDetector: Named<SaturationDetector> | undefined;
  /** Undefined while the gate `flowControl` is closed. */
  readonly flowControl: FlowControlPolicies | undefined;
}

/** The settings of flow control and the policies that they name. */
export interface FlowControlPolicies {
  readonly settings: ResolvedFlowControl;
  readonly usageLimit: UsageLimitPolicy;
  /** Undefined where no request in flight is ever ended. */
  readonly eviction:
    { readonly filter: EvictionFilter; readonly ordering: EvictionOrdering } | undefined;
  /** The policies of one of the settings' bands. */
  policiesOf(band: ResolvedPriorityBand): {
    readonly fairness: FairnessPolicy;
    readonly ordering: OrderingPolicy;
  };
}

/** A plugin type does not keep its contract. `cause` is what its `create` threw. */
export class PluginError extends Error {
  readonly code = 'PLUGIN';
  /** Name of the instance. */
  readonly plugin: string;

  constructor(plugin: string, message: string, options?: ErrorOptions) {
    super(`plugin ${plugin}: ${message}`, options);
    this.name = 'PluginError';
    this.plugin = plugin;
  }
}

/**
 * Creates every plugin of a resolved configuration, once, and the scheduler over them. `registry` must
 * be the one the configuration was resolved with. An instance that is to be reused is kept with everything it
 * remembers where name, type and parameters are the same and all that it refers to is kept too. Throws
 * {@link PluginError}, after closing what was created.
 */
export function instantiatePlugins(
  config: ResolvedConfig,
  registry: PluginRegistry,
  options: InstantiateOptions = {},
): InstantiatedPlugins {
  const kept = keptInstances(config.plugins, registry, options.reuse);
  const created = createInstances(config.plugins, registry, { ...options, kept });
  const { clock = systemClock, telemetry = noopTelemetry } = options;
  const types = new Map(config.plugins.map(({ name, type }) => [name, type]));
  const durations = createPluginDurations({ metrics: telemetry.metrics, clock, types });
  try {
    return arrange(config, created, { kept, durations });
  } catch (error) {
    closeCreated(created, kept);
    throw error;
  }
}

function arrange(
  config: ResolvedConfig,
  instances: ReadonlyMap<string, Plugin>,
  { kept, durations }: { kept: ReadonlyMap<string, Plugin>; durations: PluginDurations },
): InstantiatedPlugins {
  const plugins = [...instances].map(([name, plugin]) => ({ name, plugin }));
  const lookup = <K extends keyof Plugin>(name: string, member: K) =>
    named(instances, name, member);
  const handler = lookup(config.handler, 'profileHandler').plugin;
  const profiles = config.profiles.map((profile) => assemble(profile, lookup));
  return {
    scheduler: createScheduler({ profiles, handler, handlerName: config.handler, durations }),
    plugins,
    durations,
    kept: new Set(kept.keys()),
    requestHeaders: having(plugins, 'requestHeaders'),
    producers: config.producers.map((name) => lookup(name, 'producer')),
    screeners: having(plugins, 'screener'),
    admitters: having(plugins, 'admitter'),
    preRequest: having(plugins, 'preRequest'),
    response: having(plugins, 'response'),
    endpoints: having(plugins, 'endpoints'),
    saturationDetector:
      config.saturationDetector === undefined
        ? undefined
        : lookup(config.saturationDetector, 'saturationDetector'),
    flowControl: config.flowControl && findPolicies(config.flowControl, lookup),
  };
}

function findPolicies(settings: ResolvedFlowControl, lookup: Lookup): FlowControlPolicies {
  const policiesOf = (band: ResolvedPriorityBand) => ({
    fairness: lookup(band.fairnessPolicy, 'fairnessPolicy').plugin,
    ordering: lookup(band.orderingPolicy, 'orderingPolicy').plugin,
  });
  const { eviction, defaultPriorityBand, defaultNegativePriorityBand, priorityBands } = settings;
  // Looked up now, so that a policy that does not keep its contract is found at the start.
  for (const band of [defaultPriorityBand, defaultNegativePriorityBand, ...priorityBands]) {
    policiesOf(band);
  }
  return {
    settings,
    usageLimit: lookup(settings.usageLimitPolicy, 'usageLimitPolicy').plugin,
    eviction: eviction && {
      filter: lookup(eviction.filter, 'evictionFilter').plugin,
      ordering: lookup(eviction.ordering, 'evictionOrdering').plugin,
    },
    policiesOf,
  };
}

/** Instances of the present configuration that the next one keeps, by name. */
function keptInstances(
  plugins: readonly ResolvedPlugin[],
  registry: PluginRegistry,
  reuse: ReusablePlugins | undefined,
): ReadonlyMap<string, Plugin> {
  const kept = new Map<string, Plugin>();
  if (reuse === undefined) return kept;
  const earlier = new Map(reuse.config.plugins.map((plugin) => [plugin.name, plugin]));
  const instances = new Map(reuse.plugins.map(({ name, plugin }) => [name, plugin]));
  for (const { plugin, references } of inOrder(plugins, registry)) {
    const instance = instances.get(plugin.name);
    const old = earlier.get(plugin.name);
    const isSame =
      old?.type === plugin.type &&
      dataDifferences(old.parameters, plugin.parameters).length === 0 &&
      references.every((name) => kept.has(name));
    if (isSame && instance !== undefined) kept.set(plugin.name, instance);
  }
  return kept;
}

/** Plugins with the names they refer to, each after those. */
function inOrder(plugins: readonly ResolvedPlugin[], registry: PluginRegistry) {
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  const referencesOf = (name: string): readonly string[] => {
    const plugin = byName.get(name);
    if (plugin === undefined) return [];
    return namesReferred(definitionOf(plugin, registry), plugin.parameters);
  };
  const { names } = topologicalOrder([...byName.keys()], referencesOf);
  return [...new Set(names)].flatMap((name) => {
    const plugin = byName.get(name);
    return plugin === undefined ? [] : [{ plugin, references: referencesOf(name) }];
  });
}

function createInstances(
  plugins: readonly ResolvedPlugin[],
  registry: PluginRegistry,
  options: InstantiateOptions & { readonly kept: ReadonlyMap<string, Plugin> },
): ReadonlyMap<string, Plugin> {
  const { random = systemRandom, clock = systemClock, telemetry = noopTelemetry, kept } = options;
  const { telemetryOf = () => telemetry } = options;
  const instances = new Map<string, Plugin>();
  for (const { plugin, references } of inOrder(plugins, registry)) {
    const { name } = plugin;
    const keeps = kept.get(name);
    if (keeps !== undefined) {
      instances.set(name, keeps);
      continue;
    }
    const context = {
      name,
      random,
      clock,
      telemetry: telemetryOf(name),
      plugin: (other: string) => {
        const instance = references.includes(other) ? instances.get(other) : undefined;
        if (instance === undefined) {
          throw new PluginError(name, `it did not declare that it refers to ${other}`);
        }
        return instance;
      },
    };
    try {
      instances.set(name, create(definitionOf(plugin, registry), plugin, context));
    } catch (error) {
      closeCreated(instances, kept);
      throw error;
    }
  }
  return instances;
}

/** Ends what was created for a configuration that cannot run. */
function closeCreated(
  instances: ReadonlyMap<string, Plugin>,
  kept: ReadonlyMap<string, Plugin>,
): void {
  const close = async (plugin: Plugin): Promise<void> => plugin.close?.();
  for (const [name, plugin] of instances) {
    // Whoever reads why the configuration cannot run has no use for what follows from it.
    if (!kept.has(name)) close(plugin).catch(() => undefined);
  }
}

function create(
  definition: AnyPluginDefinition,
  { name, parameters }: ResolvedPlugin,
  context: Parameters<AnyPluginDefinition['create']>[1],
): Plugin {
  try {
    return definition.create(parameters, context);
  } catch (cause) {
    if (cause instanceof PluginError) throw cause;
    throw new PluginError(name, 'it could not be created', { cause });
  }
}

function definitionOf(
  { name, type }: ResolvedPlugin,
  registry: PluginRegistry,
): AnyPluginDefinition {
  const definition = registry.get(type);
  if (definition === undefined) throw new PluginError(name, `the registry has no type ${type}`);
  return definition;
}

type Lookup = <K extends keyof Plugin>(name: string, member: K) => Named<NonNullable<Plugin[K]>>;

const assemble = (profile: ResolvedProfile, lookup: Lookup): SchedulingProfile => ({
  name: profile.name,
  filters: profile.filters.map((name) => lookup(name, 'filter')),
  scorers: profile.scorers.map(({ plugin, weight }) => ({ ...lookup(plugin, 'scorer'), weight })),
  picker: lookup(profile.picker, 'picker'),
});

function named<K extends keyof Plugin>(
  instances: ReadonlyMap<string, Plugin>,
  name: string,
  member: K,
): Named<NonNullable<Plugin[K]>> {
  const part = instances.get(name)?.[member];
  if (part === undefined) {
    throw new PluginError(name, `it has no ${member}, against its definition`);
  }
  return { name, plugin: part };
}

function having<K extends keyof Plugin>(
  plugins: readonly Named<Plugin>[],
  member: K,
): Named<NonNullable<Plugin[K]>>[] {
  return plugins.flatMap(({ name, plugin }) => {
    const part = plugin[member];
    return part === undefined ? [] : [{ name, plugin: part }];
  });
}
