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
import { mmEmbeddingsCacheProducer } from '../producers/mm-embeddings-cache-producer/mm-embeddings-cache-producer.ts';
import {
  createPredictedLatencyProducer,
  type PredictedLatencyEnvironment,
} from '../producers/predicted-latency-producer/predicted-latency-producer.ts';
import { sessionIdProducer } from '../producers/session-id-producer/session-id-producer.ts';
import { tokenProducer } from '../producers/token-producer/token-producer.ts';
import { tokenizer } from '../producers/tokenizer/tokenizer.ts';
import { destinationEndpointServedVerifier } from '../reporters/destination-endpoint-served-verifier/destination-endpoint-served-verifier.ts';
import { requestAttributeReporter } from '../reporters/request-attribute-reporter/request-attribute-reporter.ts';
import { structuralPlugins } from './structural-plugins.ts';

/** What plugins take from where the picker runs rather than from its configuration. */
export interface PickerEnvironment {
  /** Where the latency predictor is. Default two sidecars on this host. */
  readonly latencyPredictor?: PredictedLatencyEnvironment;
}

const pluginsIn = ({ latencyPredictor }: PickerEnvironment): readonly AnyPluginDefinition[] => [
  ...schedulingPlugins,
  tokenProducer,
  tokenizer,
  approxPrefixCacheProducer,
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
