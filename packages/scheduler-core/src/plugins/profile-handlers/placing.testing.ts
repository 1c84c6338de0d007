// SPDX-License-Identifier: Apache-2.0
import { createRandom } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';
import { recordingMetrics } from '@llm-d/telemetry/testing';
import { readFileSync } from 'node:fs';
import type { Attribute } from '../../attribute.ts';
import { loadConfig } from '../../config/load-config.ts';
import type { Endpoint } from '../../endpoint.ts';
import { explainDecision } from '../../explain-decision.ts';
import { instantiatePlugins } from '../../instantiate-plugins.ts';
import type { SchedulingRequest } from '../../request.ts';
import { makeCycle } from '../../testing/index.ts';
import { standInRegistry } from '../../testing/stand-in-plugins.ts';

/** What is to be placed where. */
export interface Placing {
  readonly fleet: readonly Endpoint[];
  readonly request?: Partial<SchedulingRequest>;
  readonly attributes?: readonly (readonly [Attribute<unknown>, unknown])[];
  /** Headers that are on their way upstream already. */
  readonly upstream?: Readonly<Record<string, string>>;
}

/** What became of it, as short as a table needs it. */
export interface Placed {
  /** Where the request goes; undefined where it goes nowhere. */
  readonly to: string | undefined;
  /** Names of the endpoints that each profile picked. */
  readonly picked: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** `profile: reason`, with a minus sign before those left out. */
  readonly stages: readonly string[];
}

/** The configuration of that name in the golden files. */
export const goldenConfig = (name: string): string =>
  readFileSync(`${import.meta.dirname}/../../config/testdata/accepted/${name}.in.yaml`, 'utf8');

/** Runs requests through a whole configuration. */
export function createPlacer(configText: string) {
  const registry = standInRegistry();
  const config = loadConfig(configText, { registry, allowExperimental: true });
  const metrics = recordingMetrics();
  const plugins = instantiatePlugins(config, registry, {
    random: createRandom(1),
    telemetry: { ...noopTelemetry, metrics },
  });
  const place = ({ fleet, request = {}, attributes = [], upstream = {} }: Placing): Placed => {
    const cycle = makeCycle({ request, attributes });
    const outcome = plugins.scheduler.schedule(cycle, fleet);
    const headers = new Map(Object.entries(upstream));
    if (outcome.kind === 'scheduled') {
      for (const { plugin } of plugins.preRequest) plugin.preRequest(cycle, outcome, headers);
    }
    return {
      to: outcome.kind === 'scheduled' ? outcome.endpoints[0].hostPort : undefined,
      picked: Object.fromEntries(
        [...outcome.outcomes.values()].map(({ profile, picked }) => [
          profile,
          picked.map(({ name }) => name).join(','),
        ]),
      ),
      headers: Object.fromEntries(headers),
      stages: (explainDecision(outcome).stages ?? []).map(
        ({ profile, runs, reason }) => `${runs ? '' : '−'}${profile}: ${reason}`,
      ),
    };
  };
  return { place, metrics };
}
