// SPDX-License-Identifier: Apache-2.0
import type { JsonObject } from './request-fields.ts';

/**
 * Turns text into the tokens that an engine makes of it. A request may hold several prompts. Rejects with
 * `NoTokensError`.
 */
export interface PromptTokens {
  /** Of a request to `/v1/completions`. */
  completion(body: JsonObject, signal: AbortSignal): Promise<readonly Uint32Array[]>;
  /** Of a request to `/v1/chat/completions`, with the model's chat template. */
  chat(body: JsonObject, signal: AbortSignal): Promise<readonly Uint32Array[]>;
}
