// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  endpointTopology,
  peerEndpoint,
  PROXIMITIES,
  proximityOf,
} from '../../../attributes/topology.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { topologyProducerName } from '../../parameter-fields.ts';
import { keepWhere } from '../keep-where.ts';

const parameters = z.strictObject({
  minAffinity: z
    .enum(PROXIMITIES)
    .default('host')
    .describe('What an endpoint must at least share with the one chosen before.'),
  topologyProducerName,
});

/** Keeps a request's stages close together. */
export const topologyAffinityFilter = definePlugin({
  type: 'topology-affinity-filter',
  summary: 'Keeps the endpoints near the one that an earlier stage of the request chose.',
  stability: 'alpha',
  points: ['filter'],
  parameters,
  mayConsume: (p) => [endpointTopology(p.topologyProducerName)],
  create: (p) => {
    const topologyAttribute = endpointTopology(p.topologyProducerName);
    const farthest = PROXIMITIES.indexOf(p.minAffinity);
    return {
      filter: {
        filter: ({ attributes }, candidates) => {
          const topology = attributes.get(topologyAttribute);
          const peer = attributes.get(peerEndpoint);
          const there = peer && topology?.of(peer);
          if (topology === undefined || there === undefined) return candidates;
          const near = keepWhere(candidates, (endpoint) => {
            const proximity = proximityOf(topology.of(endpoint) ?? {}, there);
            return proximity !== undefined && PROXIMITIES.indexOf(proximity) <= farthest;
          });
          return near.length === 0 ? candidates : near;
        },
      },
    };
  },
});
