// SPDX-License-Identifier: Apache-2.0
import {
  definePlugin,
  tokenizedPrompt,
  type DataProducer,
  type Plugin,
  type PluginContext,
  type SchedulingRequest,
  type TokenizedPrompt,
} from '@llm-d/scheduler-core';
import { createJsonService } from '../json-service.ts';
import { estimatePrompt } from './estimate-prompt.ts';
import { localTokenizing, type LocalTokenizerFactory } from './local-tokenizer.ts';
import { estimateMediaTokens, videoFactsOf } from './media-estimate.ts';
import { canRender, renderPrompt } from './render-service.ts';
import {
  defaultEstimate,
  defaultRender,
  tokenProducerParameters,
  type EstimateParameters,
  type RenderParameters,
  type TokenProducerParameters,
} from './token-producer-parameters.ts';

/**
 * Gives the prompt as tokens: the client's own where it sent ids, else as a vLLM server renders them, as a tokenizer in
 * this process makes them, or an estimate of four bytes each. Without `startTokenizer` there is none in this process.
 */
export const createTokenProducer = (startTokenizer?: LocalTokenizerFactory) =>
  definePlugin({
    type: 'token-producer',
    summary:
      'Gives the prompt as token ids: the client’s own, rendered by a vLLM server, tokenized in this process, or estimated from its bytes.',
    stability: 'beta',
    points: ['data-producer'],
    parameters: tokenProducerParameters,
    // Whatever an instance is called: readers of tokens do not choose among producers.
    produces: () => [tokenizedPrompt()],
    isDefaultProducer: true,
    create: (parameters: TokenProducerParameters, context) =>
      createProducer(parameters, { context, startTokenizer }),
  });

/** For programs without a tokenizer of their own. */
export const tokenProducer = createTokenProducer();

const output = tokenizedPrompt();

interface Surroundings {
  readonly context: PluginContext;
  readonly startTokenizer: LocalTokenizerFactory | undefined;
}

function createProducer(
  { modelName, vllm, local, estimate = defaultEstimate }: TokenProducerParameters,
  { context, startTokenizer }: Surroundings,
): Plugin {
  if (local !== undefined) {
    if (startTokenizer === undefined) throw new Error('this program has no tokenizer built in');
    return localTokenizing(
      {
        settings: local,
        startTokenizer,
        estimate: (request) => estimated(request, estimate),
      },
      context,
    );
  }
  if (modelName === undefined) return { producer: estimating(estimate) };
  return rendering({ modelName, settings: vllm ?? defaultRender, estimate }, context);
}

function estimating(estimate: EstimateParameters): DataProducer {
  return {
    produce: ({ request }, _candidates, { attributes }) => {
      if (attributes.get(output) !== undefined) return;
      const tokenized = estimated(request, estimate);
      if (tokenized !== undefined) attributes.set(output, tokenized);
    },
  };
}

function estimated(
  { prompt, mediaItems = [], headers }: SchedulingRequest,
  estimate: EstimateParameters,
): TokenizedPrompt | undefined {
  switch (prompt.kind) {
    case 'none':
      return undefined;
    case 'text': {
      const facts = mediaItems.length > 0 ? videoFactsOf(headers) : {};
      return estimatePrompt(prompt.bytes, mediaItems, (item) =>
        estimateMediaTokens(item, facts, estimate),
      );
    }
    case 'tokens':
      return { ids: prompt.ids, estimated: false };
  }
}

interface RenderSettings {
  readonly modelName: string;
  readonly settings: RenderParameters;
  /** For requests that no render endpoint is there for. */
  readonly estimate: EstimateParameters;
}

function rendering(
  { modelName, settings, estimate }: RenderSettings,
  { clock }: PluginContext,
): Plugin {
  const service = createJsonService({ url: settings.url, clock });
  const estimator = estimating(estimate);
  let failed = 0;
  let lastError: string | undefined;
  return {
    producer: {
      timeoutMs: Math.max(settings.timeout, settings.mmTimeout),
      readsBody: true,
      produce: (cycle, candidates, producing) => {
        const { request } = cycle;
        const { attributes, signal } = producing;
        if (attributes.get(output) !== undefined) return undefined;
        if (request.prompt.kind !== 'text' || !canRender(request.body?.api)) {
          return estimator.produce(cycle, candidates, producing);
        }
        return renderPrompt(request, { service, modelName, settings, signal }).then(
          (tokenized) => {
            if (tokenized !== undefined) attributes.set(output, tokenized);
            lastError = undefined;
          },
          (error: unknown) => {
            failed++;
            lastError = error instanceof Error ? error.message : String(error);
            throw error;
          },
        );
      },
    },
    state: () => ({
      url: settings.url,
      modelName,
      failed,
      ...(lastError !== undefined && { lastError }),
    }),
    close: () => service.close(),
  };
}
