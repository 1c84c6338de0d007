// SPDX-License-Identifier: Apache-2.0
import {
  defineStructuralPlugin,
  goDuration,
  type AnyPluginDefinition,
} from '@llm-d/scheduler-core';
import * as z from 'zod';
import {
  dcgmDataSourceParameters,
  modelsDataSourceParameters,
} from '../data-layer/http-source-parameters.ts';

const nothing = z.strictObject({});

/** Turns request bodies of an API family into requests to be placed; by path. */
const parsers = [
  ['openai-parser', 'Understands the OpenAI API.'],
  ['anthropic-parser', 'Understands the Anthropic messages API.'],
  ['vllmhttp-parser', 'Understands vLLM’s token-in API.'],
  ['sglanghttp-parser', 'Understands SGLang’s native API.'],
  ['passthrough-parser', 'Places requests of any other path without looking at their body.'],
].map(([type = '', summary = '']) =>
  defineStructuralPlugin({
    type,
    summary,
    stability: 'beta',
    points: ['parser'],
    parameters: nothing,
  }),
);

/** Where engine metrics are read from. */
export const metricsDataSourceParameters = z.strictObject({
  scheme: z.enum(['http', 'https']).default('http').describe('Protocol of the metrics port.'),
  path: z.string().default('/metrics').describe('Path of the exposition.'),
  port: z.int().min(1).max(65_535).optional().describe('Port, where it is not the endpoint’s own.'),
  insecureSkipVerify: z.boolean().default(true).describe('Accepts any certificate over https.'),
  interval: goDuration.optional().describe('Time between two scrapes of an endpoint.'),
});

const metricSpec = z.string().optional();
/** How engine metrics are named. */
export const coreMetricsExtractorParameters = z.strictObject({
  engineLabelKey: z
    .string()
    .default('llm-d.ai/engine-type')
    .describe('Pod label that names the engine.'),
  defaultEngine: z.string().default('vllm').describe('Engine of pods without the label.'),
  engineConfigs: z
    .array(
      z.strictObject({
        name: z.string().describe('Engine that the entry describes or overrides.'),
        queuedRequestsSpec: metricSpec.describe('Metric of waiting requests.'),
        runningRequestsSpec: metricSpec.describe('Metric of running requests.'),
        kvUsageSpec: metricSpec.describe('Metric of KV cache usage, 0 to 1.'),
        loraSpec: metricSpec.describe('Metric whose labels list LoRA adapters.'),
        cacheInfoSpec: metricSpec.describe('Metric whose labels carry block size and number.'),
        customMetrics: z
          .array(z.strictObject({ attributeKey: z.string(), metricSpec: z.string() }))
          .default([])
          .describe('Further scalars and the attribute keys they are kept under.'),
      }),
    )
    .default([])
    .describe('Engines besides the built-in ones.'),
});

/** Which file lists the endpoints. */
export const fileDiscoveryParameters = z.strictObject({
  path: z.string().min(1).describe('Endpoints file, YAML or JSON.'),
  watchFile: z.boolean().default(false).describe('Follows changes of the file.'),
});

/**
 * Types that are configured like plugins and built by the endpoint picker itself: parsers, sources, discovery.
 */
export const structuralPlugins: readonly AnyPluginDefinition[] = [
  ...parsers,
  defineStructuralPlugin({
    type: 'metrics-data-source',
    summary: 'Scrapes the engines’ Prometheus metrics.',
    stability: 'beta',
    points: ['data-source'],
    parameters: metricsDataSourceParameters,
  }),
  defineStructuralPlugin({
    type: 'core-metrics-extractor',
    summary:
      'Finds queue, running requests, cache usage and LoRA adapters in the engines’ metrics.',
    stability: 'beta',
    points: ['extractor'],
    parameters: coreMetricsExtractorParameters,
  }),
  defineStructuralPlugin({
    type: 'models-data-source',
    summary: 'Asks the engines which models they serve.',
    stability: 'beta',
    points: ['data-source'],
    parameters: modelsDataSourceParameters,
  }),
  defineStructuralPlugin({
    type: 'dcgm-data-source',
    summary: 'Asks NVIDIA’s DCGM exporter beside each endpoint.',
    stability: 'alpha',
    points: ['data-source'],
    parameters: dcgmDataSourceParameters,
  }),
  defineStructuralPlugin({
    type: 'endpoint-notification-source',
    summary: 'Tells extractors of endpoints that come and go. They are told without it too.',
    stability: 'beta',
    points: ['data-source'],
    parameters: nothing,
  }),
  defineStructuralPlugin({
    type: 'file-discovery',
    summary: 'Takes the endpoints from a file.',
    stability: 'beta',
    points: ['discovery'],
    parameters: fileDiscoveryParameters,
  }),
];
