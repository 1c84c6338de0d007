// SPDX-License-Identifier: Apache-2.0
import type { AnyPluginDefinition } from './plugin-definition.ts';

/** The plugin types that a configuration may use. */
export interface PluginRegistry {
  /** Every definition, in the order given. */
  readonly definitions: readonly AnyPluginDefinition[];
  get(type: string): AnyPluginDefinition | undefined;
}

/**
 * Collects definitions under their types. Pass the product's and your own in one list; a type that is
 * defined twice is a programming error and throws.
 */
export function createPluginRegistry(definitions: readonly AnyPluginDefinition[]): PluginRegistry {
  const byType = new Map<string, AnyPluginDefinition>();
  for (const definition of definitions) {
    if (byType.has(definition.type)) {
      throw new Error(`the plugin type ${definition.type} is defined twice`);
    }
    byType.set(definition.type, definition);
  }
  return { definitions: [...definitions], get: (type) => byType.get(type) };
}
