// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  endpointTopology,
  type Endpoint,
  type EndpointTopology,
  type Topology,
} from '@llm-d/scheduler-core';
import * as z from 'zod';

const label = (name: string, what: string) =>
  z
    .string()
    .default(name)
    .transform((given) => (given === '' ? name : given))
    .describe(`Label that names an endpoint’s ${what}.`);

const parameters = z.strictObject({
  hostname: label('kubernetes.io/hostname', 'host'),
  rack: label('topology.kubernetes.io/rack', 'rack'),
  zone: label('topology.kubernetes.io/zone', 'zone'),
  region: label('topology.kubernetes.io/region', 'region'),
});

/** Says where each endpoint stands, by its labels. */
export const topologyExtractor = definePlugin({
  type: 'topology-extractor',
  summary:
    'Says on which host, in which rack, zone and region each endpoint stands, by its labels.',
  stability: 'alpha',
  points: ['extractor', 'data-producer'],
  parameters,
  produces: (_, name) => [endpointTopology(name)],
  create: (labels, { name }) => {
    const output = endpointTopology(name);
    const places: (Topology | undefined)[] = [];
    const forget = ({ slot }: Endpoint): void => {
      places[slot] = undefined;
    };
    const view: EndpointTopology = {
      of: (endpoint) => (places[endpoint.slot] ??= placeOf(endpoint, labels)),
    };
    return {
      producer: {
        produce: (_cycle, _candidates, { attributes }) => {
          attributes.set(output, view);
        },
        publish: (attributes) => {
          attributes.set(output, view);
        },
      },
      endpoints: {
        endpointAdded: forget,
        endpointRelabelled: forget,
      },
    };
  },
});

function placeOf(endpoint: Endpoint, names: z.output<typeof parameters>): Topology {
  const at = (key: string): string | undefined => endpoint.labels[key] || undefined;
  const host = at(names.hostname);
  const rack = at(names.rack);
  const zone = at(names.zone);
  const region = at(names.region);
  return {
    ...(host !== undefined && { host }),
    ...(rack !== undefined && { rack }),
    ...(zone !== undefined && { zone }),
    ...(region !== undefined && { region }),
  };
}
