// SPDX-License-Identifier: Apache-2.0
import { definePlugin, type AnyPluginDefinition } from '@llm-d/scheduler-core';
import * as z from 'zod';

/** An instance of the plugin type `probe`. */
export interface Probe {
  readonly name: string;
  readonly flavour: string;
  closed: number;
  /** Endpoints that it knows, each as often as it was told of it. */
  readonly endpoints: string[];
  /** Requests that it saw placed and not over. */
  open: number;
}

/**
 * A plugin type of which every instance says what happens to it. The scorer of flavour `broken` cannot be created, and
 * `prefers-b` likes the endpoint b.
 */
export function probes(): { readonly made: readonly Probe[]; readonly type: AnyPluginDefinition } {
  const made: Probe[] = [];
  const type = definePlugin({
    type: 'probe',
    summary: 'Says what happens to it.',
    stability: 'beta',
    points: ['scorer', 'pre-request', 'response'],
    parameters: z.strictObject({
      flavour: z.string().default('plain'),
      refersTo: z.array(z.string()).default([]),
    }),
    references: ({ refersTo }) => refersTo.map((name) => ({ name })),
    create: ({ flavour }, { name }) => {
      if (flavour === 'broken') throw new TypeError('it is broken');
      const probe: Probe = { name, flavour, closed: 0, endpoints: [], open: 0 };
      made.push(probe);
      return {
        scorer: {
          score: (_, candidates) =>
            candidates.map((endpoint) => (flavour === `prefers-${endpoint.name}` ? 1 : 0)),
        },
        preRequest: {
          preRequest: () => {
            probe.open++;
          },
        },
        response: {
          responseCompleted: () => {
            probe.open--;
            return undefined;
          },
        },
        endpoints: {
          endpointAdded: (endpoint) => {
            probe.endpoints.push(endpoint.name);
          },
          endpointRemoved: (endpoint) => {
            probe.endpoints.splice(probe.endpoints.indexOf(endpoint.name), 1);
          },
        },
        state: () => ({ flavour }),
        close: () => {
          probe.closed++;
        },
      };
    },
  });
  return { made, type };
}
