// SPDX-License-Identifier: Apache-2.0
import { randomBelow, type Random } from '@llm-d/determinism';
import { ApiError } from './api-error.ts';

/** Kinds of failure that can be injected; names and statuses of llm-d-inference-sim. */
export const failureTypes = [
  'rate_limit',
  'invalid_api_key',
  'context_length',
  'server_error',
  'invalid_request',
  'model_not_found',
] as const;
export type FailureType = (typeof failureTypes)[number];

export interface FailureSettings {
  /** Requests that fail, in percent, 0 to 100. */
  readonly rate: number;
  /** Kinds to draw from; empty means all. */
  readonly types: readonly FailureType[];
}

/** The failure that a request meets, undefined for most. */
export function drawFailure(
  settings: FailureSettings,
  random: Random,
  model: string,
): ApiError | undefined {
  if (settings.rate <= 0 || random.next() * 100 >= settings.rate) return undefined;
  const types = settings.types.length > 0 ? settings.types : failureTypes;
  return failure(types[randomBelow(random, types.length)] ?? 'server_error', model);
}

function failure(type: FailureType, model: string): ApiError {
  switch (type) {
    case 'rate_limit':
      return new ApiError(429, `Rate limit reached for ${model}. Please try again later.`, {
        type: 'RateLimitError',
      });
    case 'invalid_api_key':
      return new ApiError(401, 'Incorrect API key provided.', { type: 'AuthenticationError' });
    case 'context_length':
      return new ApiError(400, 'The prompt exceeds the maximum context length of the model.', {
        param: 'messages',
      });
    case 'server_error':
      return new ApiError(503, 'The server is overloaded or not ready yet.', {
        type: 'Service Unavailable',
      });
    case 'invalid_request':
      return new ApiError(400, 'Invalid request: a parameter is missing or has a wrong value.');
    case 'model_not_found':
      return new ApiError(404, `The model \`${model}\` does not exist.`, {
        type: 'NotFoundError',
        param: 'model',
      });
  }
}
