// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import {
  endpointTopology,
  peerEndpoint,
  proximityOf,
  type Proximity,
} from '../../../attributes/topology.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { topologyProducerName } from '../../parameter-fields.ts';

const SCORES: Readonly<Record<Proximity, number>> = {
  host: 1,
  rack: 0.2,
  zone: 0.05,
  region: 0.02,
};

/** Prefers endpoints close to the one that an earlier stage of the request chose. */
export const topologyAffinityScorer = definePlugin({
  type: 'topology-affinity-scorer',
  summary: 'Prefers the endpoints near the one that an earlier stage of the request chose.',
  stability: 'alpha',
  points: ['scorer'],
  parameters: z.strictObject({ topologyProducerName }),
  mayConsume: (p) => [endpointTopology(p.topologyProducerName)],
  scores: () => ({ range: [0, 1], scale: 'steps' }),
  create: (p) => {
    const topologyAttribute = endpointTopology(p.topologyProducerName);
    return {
      scorer: {
        score: ({ attributes }, candidates) => {
          const topology = attributes.get(topologyAttribute);
          const peer = attributes.get(peerEndpoint);
          const there = peer && topology?.of(peer);
          return Float64Array.from(candidates, (endpoint) => {
            const here = topology?.of(endpoint);
            const proximity = here && there && proximityOf(here, there);
            return proximity === undefined ? 0 : SCORES[proximity];
          });
        },
      },
    };
  },
});
