// SPDX-License-Identifier: Apache-2.0
import { createRandom, VirtualClock, type Clock } from '@llm-d/determinism';
import {
  Attributes,
  type AnyPluginDefinition,
  type Endpoint,
  type Plugin,
  type SchedulingCycle,
} from '@llm-d/scheduler-core';
import { makeRequest } from '@llm-d/scheduler-core/testing';
import { noopTelemetry, type Telemetry } from '@llm-d/telemetry';

/** Creates an instance of a plugin as a configuration with these parameters would. */
export function instantiate(
  definition: AnyPluginDefinition,
  options: { parameters?: unknown; telemetry?: Telemetry; clock?: Clock } = {},
): Plugin {
  return definition.create(definition.parameters.parse(options.parameters ?? {}), {
    name: definition.type,
    random: createRandom(1),
    clock: options.clock ?? new VirtualClock(),
    telemetry: options.telemetry ?? noopTelemetry,
    plugin: (name) => {
      throw new Error(`no plugin ${name} in this test`);
    },
  });
}

export interface Production {
  readonly request?: Parameters<typeof makeRequest>[0];
  readonly candidates?: readonly Endpoint[];
  /** Run before, on the same attributes. */
  readonly after?: readonly Plugin[];
}

/** Runs producers one after the other for one request and returns its cycle. */
export async function produce(
  plugin: Plugin,
  { request, candidates = [], after = [] }: Production = {},
): Promise<SchedulingCycle & { readonly attributes: Attributes }> {
  const attributes = new Attributes();
  const cycle = { request: makeRequest(request), attributes, nowMs: 0 };
  for (const { producer } of [...after, plugin]) {
    await producer?.produce(cycle, candidates, { attributes, signal: AbortSignal.timeout(1000) });
  }
  return cycle;
}

/** {@link produce} with a fresh instance and default parameters. */
export function produceWith(definition: AnyPluginDefinition, production: Production = {}) {
  return produce(instantiate(definition), production);
}
