import { createRandom } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { prefixMatches } from './attributes/prefix-matches.ts';
import { loadConfig } from './config/load-config.ts';
import type { Endpoint } from './endpoint.ts';
import { instantiatePlugins } from './instantiate-plugins.ts';
import { makeCycle, makeEndpoint, makePrefixMatches } from './testing/index.ts';
import { standInRegistry } from './testing/stand-in-plugins.ts';

const REQUESTS = 400;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** Places requests that all arrive between two scrapes; gives how many each endpoint got. */
function placeBurst(
  matched: Record<string, number>,
  start: readonly Endpoint[],
  seed: number,
): number[] {
  const registry = standInRegistry();
  const config = loadConfig(undefined, { registry });
  const { scheduler } = instantiatePlugins(config, registry, { random: createRandom(seed) });
  const endpoints = [...start];
  for (let i = 0; i < REQUESTS; i++) {
    const matches = makePrefixMatches(matched, { totalBlocks: 10 });
    const cycle = makeCycle({
      request: { id: `request-${i}` },
      attributes: [[prefixMatches(), matches]],
    });
    const outcome = scheduler.schedule(cycle, endpoints);
    if (outcome.kind !== 'scheduled') throw new Error('every request must find its place');
    const [{ id }] = outcome.endpoints;
    const at = endpoints.findIndex((endpoint) => endpoint.id === id);
    const chosen = endpoints[at] as Endpoint;
    endpoints[at] = { ...chosen, reservedRequests: chosen.reservedRequests + 1 };
  }
  return endpoints.map(({ reservedRequests }) => reservedRequests);
}

const idle = NAMES.map((name) => makeEndpoint(name));
const busy = NAMES.map((name) => makeEndpoint(name).queue(12).running(200).kvUsage(0.6));

describe.each([1, 2, 3])(
  'a burst of 400 requests in one tick over 8 endpoints, seed %d',
  (seed) => {
    test.each([
      { name: 'with distinct prompts', matched: {}, fleet: idle },
      { name: 'with distinct prompts on a busy fleet', matched: {}, fleet: busy },
      { name: 'with 30 % of every prompt cached on one endpoint', matched: { c: 3 }, fleet: idle },
    ])('$name spreads evenly', ({ matched, fleet }) => {
      const counts = placeBurst(matched, fleet, seed);
      expect(counts.reduce((sum, count) => sum + count)).toBe(REQUESTS);
      expect(Math.max(...counts) / (REQUESTS / NAMES.length)).toBeLessThanOrEqual(1.15);
    });
  },
);
