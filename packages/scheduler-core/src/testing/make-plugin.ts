// SPDX-License-Identifier: Apache-2.0
import { createRandom, VirtualClock, type Clock, type Random } from '@llm-d/determinism';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';
import type { Plugin } from '../plugin-contracts.ts';
import type { PluginDefinition } from '../plugin-definition.ts';

export interface MakePluginOptions {
  /** Default a generator with a fixed seed. */
  readonly random?: Random;
  /** Default one that stands still. */
  readonly clock?: Clock;
  /** Default silent. */
  readonly telemetry?: Telemetry;
  /** Other instances that it may refer to, by name. Default none. */
  readonly others?: Readonly<Record<string, Plugin>>;
}

/** An instance as a configuration would create it: `parameters` pass the type's schema. */
export function makePlugin<P>(
  definition: PluginDefinition<P>,
  parameters: Record<string, unknown> = {},
  {
    random = createRandom(1),
    clock = new VirtualClock(),
    telemetry = noopTelemetry,
    others = {},
  }: MakePluginOptions = {},
): Plugin {
  return definition.create(definition.parameters.parse(parameters), {
    name: definition.type,
    random,
    clock,
    telemetry,
    plugin: (name) => {
      const other = others[name];
      if (other === undefined) throw new Error(`there is no other plugin here called ${name}`);
      return other;
    },
  });
}
