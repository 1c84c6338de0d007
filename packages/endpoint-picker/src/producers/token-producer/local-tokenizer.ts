// SPDX-License-Identifier: Apache-2.0
import { parseJsonText, type JsonObject } from '@llm-d/inference-api';
import type {
  TokenizedApi,
  TokenizedRequest,
  TokenizerPool,
  TokenizerPoolOptions,
} from '@llm-d/inference-api/tokenizer';
import {
  tokenizedPrompt,
  type Attributes,
  type Plugin,
  type PluginContext,
  type SchedulingRequest,
  type TokenizedPrompt,
} from '@llm-d/scheduler-core';
import type { LocalParameters } from './token-producer-parameters.ts';

/**
 * Starts a tokenizer inside this process. An app gives it, so that nobody who does not ask for it loads it.
 */
export type LocalTokenizerFactory = (options: TokenizerPoolOptions) => Promise<TokenizerPool>;

export interface LocalTokenizing {
  readonly settings: LocalParameters;
  readonly startTokenizer: LocalTokenizerFactory;
  /** Tokens of a request for want of better ones. */
  readonly estimate: (request: SchedulingRequest) => TokenizedPrompt | undefined;
}

const output = tokenizedPrompt();

/** What the tokenizer may be late before the request goes on without any tokens. */
const GRACE_MS = 100;

const apis: Readonly<Record<TokenizedApi, true>> = {
  completions: true,
  'chat-completions': true,
  messages: true,
  'count-tokens': true,
};
const isTokenized = (api: string | undefined): api is TokenizedApi =>
  api !== undefined && Object.hasOwn(apis, api);

/** Tokenizes in threads of this process; what that cannot is estimated, and the record says why. */
export function localTokenizing(
  { settings, startTokenizer, estimate }: LocalTokenizing,
  { clock, telemetry }: PluginContext,
): Plugin {
  const starting = startTokenizer({ ...poolOptionsOf(settings), clock, telemetry });
  let pool: TokenizerPool | undefined;
  starting.then(
    (started) => {
      pool = started;
    },
    // Every call fails with the reason.
    () => undefined,
  );
  let tokenized = 0;
  const estimated = new Map<string, number>();
  let lastError: string | undefined;

  const fallBack = (
    request: SchedulingRequest,
    attributes: Attributes,
    { code, message }: { readonly code: string; readonly message: string },
  ): void => {
    estimated.set(code, (estimated.get(code) ?? 0) + 1);
    const tokens = estimate(request);
    if (tokens !== undefined) attributes.set(output, { ...tokens, estimatedFor: message });
  };

  return {
    producer: {
      timeoutMs: settings.timeout + GRACE_MS,
      readsBody: true,
      produce: ({ request }, _candidates, { attributes, signal }) => {
        if (attributes.get(output) !== undefined) return undefined;
        const { body, prompt, mediaItems = [] } = request;
        if (prompt.kind !== 'text' || body === undefined || !isTokenized(body.api)) {
          const tokens = estimate(request);
          if (tokens !== undefined) attributes.set(output, tokens);
          return undefined;
        }
        if (mediaItems.length > 0) {
          fallBack(request, attributes, MEDIA);
          return undefined;
        }
        const { api } = body;
        const call = { api, body: body.withModel(request.targetModel), signal };
        return starting
          .then((started) => started.tokenize(call))
          .then(
            (found) => {
              tokenized++;
              lastError = undefined;
              attributes.set(output, promptOf(found));
            },
            (error: unknown) => {
              if (signal.aborted) return;
              const reason = reasonOf(error);
              fallBack(request, attributes, reason);
              // That a request is odd is no news.
              if (reason.code.startsWith('PROMPT_')) return;
              lastError = reason.message;
              throw error;
            },
          );
      },
    },
    state: () => ({
      directory: settings.directory,
      tokenized,
      estimated: Object.fromEntries(estimated),
      ...(lastError !== undefined && { lastError }),
      ...pool?.state,
    }),
    close: async () => {
      const started = await starting.catch(() => undefined);
      await started?.close();
    },
  };
}

const MEDIA = { code: 'PROMPT_UNSUPPORTED', message: 'media take a render service' } as const;

function promptOf({ ids, promptStarts }: TokenizedRequest): TokenizedPrompt {
  return { ids, estimated: false, ...(promptStarts.length > 0 && { promptStarts }) };
}

function poolOptionsOf(
  settings: LocalParameters,
): Omit<TokenizerPoolOptions, 'clock' | 'telemetry'> {
  const { directory, chatTemplateFile, contentFormat, chatTemplateKwargs: kwargs } = settings;
  return {
    directory,
    workers: settings.workers,
    maxQueue: settings.maxQueue,
    timeoutMs: settings.timeout,
    cacheBytes: settings.cacheBytes,
    ...(chatTemplateFile !== undefined && { chatTemplateFile }),
    ...(contentFormat !== 'auto' && { contentFormat }),
    ...(kwargs !== undefined && { defaultTemplateKwargs: jsonObject(kwargs) }),
  };
}

/** What a configuration file said, as JSON; of an object it is an object. */
const jsonObject = (value: Readonly<Record<string, unknown>>): JsonObject =>
  parseJsonText(JSON.stringify(value)) as JsonObject;

function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  if (!(error instanceof Error)) return { code: 'UNKNOWN', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
  return { code, message: error.message };
}
