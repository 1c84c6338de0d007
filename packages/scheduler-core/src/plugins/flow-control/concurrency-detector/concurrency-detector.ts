// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inflightLoad, type InflightLoad } from '../../../attributes/inflight-load.ts';
import type { Endpoint } from '../../../endpoint.ts';
import type { UnplacedRequests } from '../../../flow-control-contracts.ts';
import { definePlugin } from '../../../plugin-definition.ts';
import { keepWhere } from '../../filters/keep-where.ts';
import { inFlightLoadProducerName } from '../../parameter-fields.ts';

const parameters = z.strictObject({
  concurrencyMode: z
    .enum(['requests', 'tokens', 'hybrid'])
    .default('requests')
    .describe('What is counted; hybrid counts both and takes what is nearer to its bound.'),
  maxConcurrency: z
    .int()
    .min(1)
    .default(100)
    .describe('Requests in flight at which an endpoint is full.'),
  maxTokenConcurrency: z
    .int()
    .min(1)
    .default(1_000_000)
    .describe('Tokens in flight at which an endpoint is full.'),
  headroom: z
    .number()
    .min(0)
    .default(0)
    .describe('As a filter: share by which an endpoint may exceed the bounds and still be used.'),
  inFlightLoadProducerName,
});
type Parameters = z.infer<typeof parameters>;

/** Tokens of a request that nobody has tokenized yet: one for four bytes, as `token-producer` estimates. */
const BYTES_PER_TOKEN = 4;

const NOTHING: InflightLoad = { requests: () => 0, tokens: () => 0 };

/** How full endpoints are by what was placed on them; needs no metrics and sees every change at once. */
export const concurrencyDetector = definePlugin({
  type: 'concurrency-detector',
  summary: 'Measures how full the pool is by what is in flight on it; also a filter.',
  stability: 'beta',
  points: ['saturation-detector', 'filter'],
  parameters,
  consumes: (p) => [inflightLoad(p.inFlightLoadProducerName)],
  create: (settings) => {
    const attribute = inflightLoad(settings.inFlightLoadProducerName);
    return {
      saturationDetector: {
        isImmediate: true,
        saturation: (endpoints, { unplaced, attributes }) =>
          endpoints.length === 0
            ? 1
            : fullness(endpoints, {
                load: attributes.get(attribute) ?? NOTHING,
                unplaced,
                settings,
              }),
      },
      filter: {
        filter: ({ attributes }, candidates) => {
          const load = attributes.get(attribute) ?? NOTHING;
          return keepWhere(candidates, (endpoint) => hasRoom(endpoint, load, settings));
        },
      },
    };
  },
});

interface Situation {
  readonly load: InflightLoad;
  readonly unplaced: UnplacedRequests;
  readonly settings: Parameters;
}

/** All in flight over all there is room for. */
function fullness(endpoints: readonly Endpoint[], { load, unplaced, settings }: Situation): number {
  let { requests } = unplaced;
  let tokens = unplaced.bytes / BYTES_PER_TOKEN;
  for (const endpoint of endpoints) {
    requests += load.requests(endpoint);
    tokens += load.tokens(endpoint);
  }
  const byRequests = requests / (endpoints.length * settings.maxConcurrency);
  const byTokens = tokens / (endpoints.length * settings.maxTokenConcurrency);
  switch (settings.concurrencyMode) {
    case 'requests':
      return byRequests;
    case 'tokens':
      return byTokens;
    case 'hybrid':
      return Math.max(byRequests, byTokens);
  }
}

function hasRoom(
  endpoint: Endpoint,
  load: InflightLoad,
  { concurrencyMode, maxConcurrency, maxTokenConcurrency, headroom }: Parameters,
): boolean {
  // Whole numbers, as llm-d has them; a hair more keeps 100 · 1.1 at 110.
  const within = (value: number, bound: number): boolean =>
    value < Math.floor(bound * (1 + headroom) + 1e-9);
  return (
    (concurrencyMode === 'tokens' || within(load.requests(endpoint), maxConcurrency)) &&
    (concurrencyMode === 'requests' || within(load.tokens(endpoint), maxTokenConcurrency))
  );
}
