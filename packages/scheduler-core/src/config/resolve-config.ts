// SPDX-License-Identifier: Apache-2.0
import type { PluginRegistry } from '../plugin-registry.ts';
import { ConfigError } from './config-error.ts';
import { API_VERSION, DEPRECATED_API_VERSION, type DataLayerSection } from './config-schema.ts';
import { checkReferenceCycles, resolveDataDependencies } from './data-dependencies.ts';
import { allFeatureGates, resolveFeatureGates, type FeatureGate } from './feature-gates.ts';
import { readPluginEntries } from './plugin-entries.ts';
import { ProblemList, type Locate } from './problem-list.ts';
import { readSections, type ConfigSections } from './read-sections.ts';
import { resolveDataLayer } from './resolve-data-layer.ts';
import { resolveFlowControl, resolveSaturationDetector } from './resolve-flow-control.ts';
import { resolveHandler } from './resolve-handler.ts';
import { resolveParsers } from './resolve-parsers.ts';
import { resolveProfiles } from './resolve-profiles.ts';
import type { ResolvedConfig } from './resolved-config.ts';

export interface ResolveConfigOptions {
  /** Plugin types that may be used. */
  readonly registry: PluginRegistry;
  /** Name of the file, for messages. Default `configuration`. */
  readonly source?: string;
  /** Whether alpha plugins may be used (`--allow-experimental-plugins`). Default false. */
  readonly allowExperimental?: boolean;
  /** Feature gates that may be moved off their default. Default all. */
  readonly availableGates?: readonly FeatureGate[];
  /** Where each field stands in the text it came from. Default: unknown. */
  readonly locate?: Locate;
}

/**
 * Fills in every default and checks everything that can be checked without running anything. Takes an
 * EndpointPickerConfig as plain data; nulls count as absent, as in Go. Throws {@link ConfigError} with
 * all problems found.
 */
export function resolveConfig(value: unknown, options: ResolveConfigOptions): ResolvedConfig {
  const { source = 'configuration', locate = () => undefined } = options;
  const problems = new ProblemList(locate);
  const warnings = new ProblemList(locate);
  const sections = readSections(value, problems);
  const resolved = resolveSections(sections, { ...options, problems, warnings });
  if (!problems.isEmpty) throw new ConfigError(source, problems.sorted());
  return { source, ...resolved, warnings: warnings.sorted() };
}

interface Resolution extends ResolveConfigOptions {
  readonly problems: ProblemList;
  readonly warnings: ProblemList;
}

const NO_DATA_LAYER: DataLayerSection = { injectDefaults: false, sources: [] };

/** Resolves what there is: a section that is refused is left out, so that the others are still checked. */
function resolveSections(
  sections: ConfigSections,
  { registry, problems, warnings, ...options }: Resolution,
): Omit<ResolvedConfig, 'source' | 'warnings'> {
  if (sections.apiVersion === DEPRECATED_API_VERSION) {
    warnings.add(['apiVersion'], `deprecated: use ${API_VERSION}`);
  }
  const { availableGates: available = allFeatureGates } = options;
  const gates = resolveFeatureGates(sections.featureGates ?? [], { available, problems });
  const allowExperimental = options.allowExperimental ?? false;
  const entries = sections.plugins ?? [];
  const table = readPluginEntries(entries, { registry, allowExperimental, problems, warnings });
  const context = { table, problems, warnings };
  const flow = resolveProfilesAndHandler(sections, context);
  const parsers = resolveParsers(sections, context);
  const dataLayer = resolveDataLayer(sections.dataLayer ?? NO_DATA_LAYER, table);
  const flowControl = resolveFlowControl(sections.flowControl, { ...context, gates });
  const saturationDetector = resolveSaturationDetector(sections, context);
  const producers = resolveDataDependencies({ table, registry, problems, warnings });
  checkReferenceCycles(table, problems);
  return {
    featureGates: gates,
    plugins: table.rows.map(({ definition: _, path: __, ...plugin }) => plugin),
    ...flow,
    producers,
    parsers,
    dataLayer,
    saturationDetector,
    flowControl,
  };
}

function resolveProfilesAndHandler(
  { schedulingProfiles }: ConfigSections,
  context: Parameters<typeof resolveProfiles>[1],
): Pick<ResolvedConfig, 'handler' | 'profiles'> {
  if (schedulingProfiles === undefined) return { handler: '', profiles: [] };
  const profiles = resolveProfiles(schedulingProfiles, context);
  const names = profiles.map(({ name }) => name);
  return { handler: resolveHandler(names, context), profiles };
}
