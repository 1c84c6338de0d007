// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { encoderCacheMatches } from '../attributes/encoder-cache-matches.ts';
import { inflightLoad } from '../attributes/inflight-load.ts';
import { latencyPredictions } from '../attributes/latency-predictions.ts';
import { prefixMatches } from '../attributes/prefix-matches.ts';
import { sessionId } from '../attributes/session-id.ts';
import { tokenizedPrompt } from '../attributes/tokenized-prompt.ts';
import { endpointTopology } from '../attributes/topology.ts';
import type { Attribute } from '../attribute.ts';
import {
  definePlugin,
  defineStructuralPlugin,
  type AnyPluginDefinition,
  type StructuralPoint,
} from '../plugin-definition.ts';
import { createPluginRegistry, type PluginRegistry } from '../plugin-registry.ts';
import { schedulingPlugins } from '../plugins/scheduling-plugins.ts';
import { prefixMatchInfoProducerName } from '../plugins/parameter-fields.ts';

const structural = (point: StructuralPoint, type: string): AnyPluginDefinition =>
  defineStructuralPlugin({
    type,
    summary: `Stands in for ${type}.`,
    stability: 'beta',
    points: [point],
    parameters: z.strictObject({}),
  });

const nothing = { produce: () => undefined };

const producing = (type: string, what: (name: string) => Attribute<unknown>): AnyPluginDefinition =>
  definePlugin({
    type,
    summary: `Stands in for ${type}.`,
    stability: 'beta',
    points: ['data-producer'],
    parameters: z.strictObject({}),
    produces: (_parameters, name) => [what(name)],
    isDefaultProducer: true,
    create: () => ({ producer: nothing }),
  });

const producers: readonly AnyPluginDefinition[] = [
  definePlugin({
    type: 'token-producer',
    summary: 'Stands in for token-producer.',
    stability: 'beta',
    points: ['data-producer'],
    parameters: z.strictObject({}),
    produces: (_parameters, name) => [tokenizedPrompt(name)],
    isDefaultProducer: true,
    create: () => ({ producer: nothing }),
  }),
  definePlugin({
    type: 'approx-prefix-cache-producer',
    summary: 'Stands in for approx-prefix-cache-producer.',
    stability: 'beta',
    points: ['data-producer', 'pre-request'],
    parameters: z.strictObject({
      autoTune: z.boolean().default(true),
      blockSizeTokens: z.int().min(1).default(16),
      maxPrefixBlocksToMatch: z.int().min(1).default(2048),
      lruCapacityPerServer: z.int().min(1).default(31_250),
    }),
    consumes: () => [tokenizedPrompt()],
    produces: (_parameters, name) => [prefixMatches(name)],
    isDefaultProducer: true,
    create: () => ({ producer: nothing, preRequest: { preRequest: () => undefined } }),
  }),
  definePlugin({
    type: 'inflight-load-producer',
    summary: 'Stands in for inflight-load-producer.',
    stability: 'beta',
    points: ['data-producer', 'pre-request', 'response'],
    parameters: z.strictObject({ prefixMatchInfoProducerName }),
    consumes: (p) => [prefixMatches(p.prefixMatchInfoProducerName)],
    produces: (_parameters, name) => [inflightLoad(name)],
    isDefaultProducer: true,
    create: () => ({ producer: nothing, endpoints: { endpointRemoved: () => undefined } }),
  }),
  producing('session-id-producer', sessionId),
  producing('mm-embeddings-cache-producer', encoderCacheMatches),
  producing('predicted-latency-producer', latencyPredictions),
  producing('topology-extractor', endpointTopology),
];

/**
 * Every plugin of this package, with stand-ins that do nothing for the producers, parsers and sources
 * that a standard configuration names. For tests of configurations.
 */
export function standInRegistry(more: readonly AnyPluginDefinition[] = []): PluginRegistry {
  return createPluginRegistry([
    ...schedulingPlugins,
    ...producers,
    structural('parser', 'openai-parser'),
    structural('parser', 'anthropic-parser'),
    structural('parser', 'vllmhttp-parser'),
    structural('parser', 'passthrough-parser'),
    structural('data-source', 'metrics-data-source'),
    structural('extractor', 'core-metrics-extractor'),
    structural('discovery', 'file-discovery'),
    ...more,
  ]);
}
