// SPDX-License-Identifier: Apache-2.0
import type { AnyPluginDefinition } from '../../plugin-definition.ts';
import type { PluginRegistry } from '../../plugin-registry.ts';
import type { ResolvedConfig, ResolvedPlugin } from '../resolved-config.ts';

/** What a lint rule looks at. */
export interface LintContext {
  readonly config: ResolvedConfig;
  readonly registry: PluginRegistry;
}

/** The instance of that name. Undefined only for a name that the configuration does not have. */
export const pluginNamed = ({ config }: LintContext, name: string): ResolvedPlugin | undefined =>
  config.plugins.find((plugin) => plugin.name === name);

/** All instances of a type. */
export const pluginsOfType = ({ config }: LintContext, type: string): readonly ResolvedPlugin[] =>
  config.plugins.filter((plugin) => plugin.type === type);

/** The definition of an instance's type. */
export const definitionOf = (
  { registry }: LintContext,
  { type }: ResolvedPlugin,
): AnyPluginDefinition | undefined => registry.get(type);

/** A number among an instance's settled parameters; undefined where it has none of that name. */
export function numberOf({ parameters }: ResolvedPlugin, name: string): number | undefined {
  const value = fieldOf(parameters, name);
  return typeof value === 'number' ? value : undefined;
}

/** A field of something that may be an object. */
export const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value
    ? // An object that has the key can be indexed by it.
      (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
