// SPDX-License-Identifier: Apache-2.0
import {
  createPluginRegistry,
  schedulingPlugins,
  type AnyPluginDefinition,
  type PluginRegistry,
} from '@llm-d/scheduler-core';
import { approxPrefixCacheProducer } from '../producers/approx-prefix-cache-producer/approx-prefix-cache-producer.ts';
import { inflightLoadProducer } from '../producers/inflight-load-producer/inflight-load-producer.ts';
import { mmEmbeddingsCacheProducer } from '../producers/mm-embeddings-cache-producer/mm-embeddings-cache-producer.ts';
import { sessionIdProducer } from '../producers/session-id-producer/session-id-producer.ts';
import { tokenProducer } from '../producers/token-producer/token-producer.ts';
import { structuralPlugins } from './structural-plugins.ts';

/** Every plugin type that the endpoint picker brings along. */
export const pickerPlugins: readonly AnyPluginDefinition[] = [
  ...schedulingPlugins,
  tokenProducer,
  approxPrefixCacheProducer,
  inflightLoadProducer,
  sessionIdProducer,
  mmEmbeddingsCacheProducer,
  ...structuralPlugins,
];

/** The product's plugin types and `own` ones besides them. */
export function createPickerRegistry(own: readonly AnyPluginDefinition[] = []): PluginRegistry {
  return createPluginRegistry([...pickerPlugins, ...own]);
}
