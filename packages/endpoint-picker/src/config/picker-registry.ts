// SPDX-License-Identifier: Apache-2.0
import {
  createPluginRegistry,
  schedulingPlugins,
  type AnyPluginDefinition,
  type PluginRegistry,
} from '@llm-d/scheduler-core';
import { dcgmExtractor } from '../data-layer/dcgm-extractor/dcgm-extractor.ts';
import { modelsDataExtractor } from '../data-layer/models-data-extractor/models-data-extractor.ts';
import { topologyExtractor } from '../data-layer/topology-extractor/topology-extractor.ts';
import { approxPrefixCacheProducer } from '../producers/approx-prefix-cache-producer/approx-prefix-cache-producer.ts';
import { inflightLoadProducer } from '../producers/inflight-load-producer/inflight-load-producer.ts';
import { p2pSourceProducer } from '../producers/p2p-source-producer/p2p-source-producer.ts';
import type { KvEventSources } from '../producers/precise-prefix-cache-producer/kv-event-sources.ts';
import { createPrecisePrefixCacheProducer } from '../producers/precise-prefix-cache-producer/precise-prefix-cache-producer.ts';
import { createPrecisePrefixCacheScorer } from '../producers/precise-prefix-cache-scorer/precise-prefix-cache-scorer.ts';
import { mmEmbeddingsCacheProducer } from '../producers/mm-embeddings-cache-producer/mm-embeddings-cache-producer.ts';
import {
  createPredictedLatencyProducer,
  type PredictedLatencyEnvironment,
} from '../producers/predicted-latency-producer/predicted-latency-producer.ts';
import { sessionIdProducer } from '../producers/session-id-producer/session-id-producer.ts';
import type { LocalTokenizerFactory } from '../producers/token-producer/local-tokenizer.ts';
import { createTokenProducer } from '../producers/token-producer/token-producer.ts';
import { createTokenizerPlugin } from '../producers/tokenizer/tokenizer.ts';
import { destinationEndpointServedVerifier } from '../reporters/destination-endpoint-served-verifier/destination-endpoint-served-verifier.ts';
import { requestAttributeReporter } from '../reporters/request-attribute-reporter/request-attribute-reporter.ts';
import { structuralPlugins } from './structural-plugins.ts';

/** What plugins take from where the picker runs rather than from its configuration. */
export interface PickerEnvironment {
  /** Where the latency predictor is. Default two sidecars on this host. */
  readonly latencyPredictor?: PredictedLatencyEnvironment;
  /** How the engines' KV events are had. Default not at all: nothing precise is known of caches then. */
  readonly kvEvents?: KvEventSources;
  /** Starts a tokenizer inside this process. Default there is none, and configurations that ask for it fail. */
  readonly startTokenizer?: LocalTokenizerFactory;
}

const pluginsIn = ({
  latencyPredictor,
  kvEvents,
  startTokenizer,
}: PickerEnvironment): readonly AnyPluginDefinition[] => [
  ...schedulingPlugins,
  createTokenProducer(startTokenizer),
  createTokenizerPlugin(startTokenizer),
  approxPrefixCacheProducer,
  createPrecisePrefixCacheProducer(kvEvents),
  createPrecisePrefixCacheScorer(kvEvents),
  p2pSourceProducer,
  inflightLoadProducer,
  sessionIdProducer,
  mmEmbeddingsCacheProducer,
  createPredictedLatencyProducer(latencyPredictor),
  requestAttributeReporter,
  destinationEndpointServedVerifier,
  modelsDataExtractor,
  dcgmExtractor,
  topologyExtractor,
  ...structuralPlugins,
];

/** Every plugin type that the endpoint picker brings along. */
export const pickerPlugins: readonly AnyPluginDefinition[] = pluginsIn({});

/** The product's plugin types and `own` ones besides them. */
export function createPickerRegistry(
  own: readonly AnyPluginDefinition[] = [],
  environment: PickerEnvironment = {},
): PluginRegistry {
  return createPluginRegistry([...pluginsIn(environment), ...own]);
}
