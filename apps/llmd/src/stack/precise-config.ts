// SPDX-License-Identifier: Apache-2.0

/** Where what precise routing needs is to be had. */
export interface PreciseSetting {
  /** Model servers that render prompts to tokens; the first one that answers is taken. */
  readonly renderUrls: readonly string[];
  /** Model that they serve. */
  readonly model: string;
  /** NATS with the engines' events; undefined to listen to the engines themselves. */
  readonly natsUrl?: string | undefined;
}

/** Each server that does not answer costs its time-out; beyond so many, tokens are better estimated. */
const MOST_RENDERERS = 3;
/** Rendering takes milliseconds; a server that hangs must not hold every request up. */
const RENDER_TIMEOUT = '500ms';
const PRECISE = 'precise-prefix-cache-producer';

/**
 * An EndpointPickerConfig that is the built-in one but for who says what is cached where: the engines' KV events. Prompts
 * are rendered by the first server that answers. Where none does their tokens are estimated, which no event can be found
 * by, and what is known from earlier placements counts.
 */
export function preciseConfig({ renderUrls, model, natsUrl }: PreciseSetting): string {
  const renderers = renderUrls.slice(0, MOST_RENDERERS).map((url, i) => ({
    name: `tokens-${i + 1}`,
    type: 'token-producer',
    parameters: { modelName: model, vllm: { url, timeout: RENDER_TIMEOUT } },
  }));
  const plugins = [
    ...renderers,
    { name: 'tokens-estimated', type: 'token-producer' },
    {
      type: PRECISE,
      parameters: {
        speculativeIndexing: true,
        fallback: 'approximate',
        ...(natsUrl !== undefined && { kvEventsConfig: { nats: { servers: natsUrl } } }),
      },
    },
    { type: 'queue-scorer' },
    { type: 'kv-cache-utilization-scorer' },
    { type: 'prefix-cache-scorer', parameters: { prefixMatchInfoProducerName: PRECISE } },
    { type: 'max-score-picker' },
    { type: 'single-profile-handler' },
  ];
  const profile = {
    name: 'default',
    plugins: [
      { pluginRef: 'queue-scorer', weight: 2 },
      { pluginRef: 'kv-cache-utilization-scorer', weight: 2 },
      { pluginRef: 'prefix-cache-scorer', weight: 3 },
      { pluginRef: 'max-score-picker' },
    ],
  };
  // JSON is YAML, and needs no care for what is in a name.
  return JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins,
    schedulingProfiles: [profile],
  });
}
