// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  prefixCacheScorer,
  prefixKnowledge,
  prefixMatches,
  tokenizedPrompt,
  type PluginDefinition,
} from '@llm-d/scheduler-core';
import type { KvEventSources } from '../precise-prefix-cache-producer/kv-event-sources.ts';
import { precisePrefixPlugin } from '../precise-prefix-cache-producer/precise-prefix-cache-producer.ts';
import {
  formerPrecisePrefixParameters,
  precisePrefixParameters,
  type PrecisePrefixParameters,
} from '../precise-prefix-cache-producer/precise-prefix-parameters.ts';

const TYPE = 'precise-prefix-cache-scorer';

/** `precise-prefix-cache-producer` and the `prefix-cache-scorer` that reads it, as one instance of llm-d's former type. */
export const createPrecisePrefixCacheScorer = (
  sources?: KvEventSources,
): PluginDefinition<PrecisePrefixParameters> =>
  definePlugin({
    type: TYPE,
    summary: 'Prefers the endpoint that has most of the prompt cached, by the engines’ KV events.',
    stability: 'beta',
    deprecated: 'use precise-prefix-cache-producer and prefix-cache-scorer',
    points: ['scorer', 'data-producer', 'pre-request', 'response', 'extractor'],
    parameters: precisePrefixParameters,
    formerParameters: formerPrecisePrefixParameters,
    consumes: ({ fallback }) =>
      fallback === 'none' ? [tokenizedPrompt()] : [tokenizedPrompt(), prefixMatches()],
    produces: (_, name) => [prefixMatches(name), prefixKnowledge(name)],
    create: (settings, context) => {
      const scorer = prefixCacheScorer.create(
        prefixCacheScorer.parameters.parse({ prefixMatchInfoProducerName: context.name }),
        context,
      );
      const producer = precisePrefixPlugin(settings, context, { sources, type: TYPE });
      return { ...scorer, ...producer };
    },
  });
