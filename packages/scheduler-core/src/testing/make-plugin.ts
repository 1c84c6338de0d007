// SPDX-License-Identifier: Apache-2.0
import { createRandom, type Random } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import type { Plugin } from '../plugin-contracts.ts';
import type { PluginDefinition } from '../plugin-definition.ts';

/**
 * An instance as a configuration would create it: `parameters` pass the type's schema. Without a given
 * `random` it draws from a generator with a fixed seed.
 */
export function makePlugin<P>(
  definition: PluginDefinition<P>,
  parameters: Record<string, unknown> = {},
  random: Random = createRandom(1),
): Plugin {
  return definition.create(definition.parameters.parse(parameters), {
    name: definition.type,
    random,
    telemetry: noopTelemetry,
    plugin: (name) => {
      throw new Error(`there is no other plugin here, and none called ${name}`);
    },
  });
}
