// SPDX-License-Identifier: Apache-2.0
import type { Metrics } from '@llm-d/telemetry';
import { queries } from '../indexer-metrics.ts';
import type { PromptTokens } from './prompt-tokens.ts';
import { NoTokensError, NotReadyError, RequestError } from './request-error.ts';
import {
  type JsonObject,
  readHashes,
  readObject,
  readOptionalText,
  readOptionalTokens,
  readText,
  readTokens,
} from './request-fields.ts';
import type { OverlapScores, PodScores, Scoring } from './scoring.ts';

export interface IndexerApiOptions {
  readonly scoring: Scoring;
  /** Default: text gets no answer. */
  readonly tokens?: PromptTokens | undefined;
  /** Why the index cannot be asked; undefined when it can. */
  readonly notReady: () => string | undefined;
  readonly metrics: Metrics;
}

/** A request for the scores of pods, over gRPC. */
export interface PodScoresQuestion {
  readonly prompt: string;
  readonly modelName: string;
  readonly podIdentifiers: readonly string[];
}

/**
 * The questions that clients ask, whatever they came over. All reject with RequestError, NoTokensError or NotReadyError
 * where the client or an operator can do something about it.
 */
export interface IndexerApi {
  scoreCompletions(body: unknown, signal: AbortSignal): Promise<PodScores>;
  scoreChatCompletions(body: unknown, signal: AbortSignal): Promise<PodScores>;
  query(body: unknown): Promise<OverlapScores>;
  queryByHash(body: unknown): Promise<OverlapScores>;
  podScores(question: PodScoresQuestion, signal: AbortSignal): Promise<PodScores>;
}

/** Answers out of an index, once it is ready. */
export function createIndexerApi(options: IndexerApiOptions): IndexerApi {
  const { scoring, notReady, metrics } = options;
  const tokens = options.tokens ?? NO_TOKENS;
  const answer = async <T>(kind: string, work: () => Promise<T> | T): Promise<T> => {
    try {
      const reason = notReady();
      if (reason !== undefined) throw new NotReadyError(reason);
      const result = await work();
      metrics.counter(queries, { kind, outcome: 'answered' }).inc();
      return result;
    } catch (error) {
      metrics.counter(queries, { kind, outcome: outcomeOf(error) }).inc();
      throw error;
    }
  };
  return {
    scoreCompletions: (body, signal) =>
      answer('score_completions', async () => {
        const request = readObject(body);
        const model = readText(request, 'model');
        const given = promptTokens(request);
        const prompts = given === undefined ? await tokens.completion(request, signal) : [given];
        return scoring.podScores(prompts, model);
      }),
    scoreChatCompletions: (body, signal) =>
      answer('score_chat_completions', async () => {
        const request = readObject(body);
        const model = readText(request, 'model');
        readMessages(request);
        return scoring.podScores(await tokens.chat(request, signal), model);
      }),
    query: (body) =>
      answer('query', () => {
        const request = readObject(body);
        const ids = readTokens(request, 'token_ids');
        const model = readText(request, 'model');
        return scoring.overlap(ids, readOptionalText(request, 'lora_name') ?? model);
      }),
    queryByHash: (body) =>
      answer('query_by_hash', () =>
        scoring.overlapOfKeys(readHashes(readObject(body), 'block_hashes')),
      ),
    podScores: ({ prompt, modelName, podIdentifiers }, signal) =>
      answer('get_pod_scores', async () => {
        const request = { model: modelName, prompt };
        readText(request, 'prompt');
        if (modelName === '') throw new RequestError('model_name', 'is missing');
        const prompts = await tokens.completion(request, signal);
        const pods = podIdentifiers.length === 0 ? undefined : podIdentifiers;
        return scoring.podScores(prompts, modelName, pods);
      }),
  };
}

/** Tokens that the client has already; undefined for a text. */
function promptTokens(request: JsonObject): Uint32Array | undefined {
  const ids = readOptionalTokens(request, 'token_ids');
  const hasPrompt = (request['prompt'] ?? undefined) !== undefined;
  if (ids !== undefined && hasPrompt) {
    throw new RequestError('prompt', 'stands beside token_ids: send one of them');
  }
  if (ids !== undefined) return ids;
  if (!hasPrompt) throw new RequestError('prompt', 'is missing, and so is token_ids');
  // As in OpenAI's API, a prompt may be token ids.
  if (Array.isArray(request['prompt'])) return readOptionalTokens(request, 'prompt');
  readText(request, 'prompt');
  return undefined;
}

function readMessages(request: JsonObject): void {
  const messages = request['messages'] ?? undefined;
  if (messages === undefined) throw new RequestError('messages', 'is missing');
  if (!Array.isArray(messages)) throw new RequestError('messages', 'expected a list');
  if (messages.length === 0) throw new RequestError('messages', 'must not be empty');
  for (const [i, message] of messages.entries()) {
    if (typeof message !== 'object' || message === null) {
      throw new RequestError(`messages[${i}]`, 'expected an object');
    }
  }
}

const notConfigured = (): Promise<never> => {
  const message =
    'text needs a server that turns it into tokens: start with --render-url, or send token_ids';
  return Promise.reject(new NoTokensError('not-configured', message));
};
const NO_TOKENS: PromptTokens = { completion: notConfigured, chat: notConfigured };

function outcomeOf(error: unknown): 'refused' | 'unable' | 'failed' {
  if (error instanceof RequestError) return 'refused';
  if (error instanceof NoTokensError) return error.reason === 'refused' ? 'refused' : 'unable';
  return error instanceof NotReadyError ? 'unable' : 'failed';
}
