// SPDX-License-Identifier: Apache-2.0

/**
 * Why there are no tokens. About the model: its files are missing or broken (`TOKENIZER_FILES`), or they ask for
 * something that would come out differently here than in the engine (`TOKENIZER_UNSUPPORTED`). About the request: it
 * needs more than a tokenizer (`PROMPT_UNSUPPORTED`), it is not what the API defines (`PROMPT_INVALID`), or the model's
 * template refuses it (`TEMPLATE_REFUSED`). About the pool: it has all it can take (`TOKENIZER_BUSY`), did not finish in
 * time (`TOKENIZER_TIMEOUT`), lost its worker (`TOKENIZER_CRASHED`), was closed (`TOKENIZER_CLOSED`), or nobody waits for
 * the answer any more (`TOKENIZER_ABORTED`).
 */
export const tokenizerErrorCodes = [
  'TOKENIZER_FILES',
  'TOKENIZER_UNSUPPORTED',
  'PROMPT_UNSUPPORTED',
  'PROMPT_INVALID',
  'TEMPLATE_REFUSED',
  'TOKENIZER_BUSY',
  'TOKENIZER_TIMEOUT',
  'TOKENIZER_CRASHED',
  'TOKENIZER_CLOSED',
  'TOKENIZER_ABORTED',
] as const;

export type TokenizerErrorCode = (typeof tokenizerErrorCodes)[number];

/** No tokens. The message says what stands in the way; of the prompt it holds no more than a template quotes. */
export class TokenizerError extends Error {
  readonly code: TokenizerErrorCode;

  constructor(code: TokenizerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenizerError';
    this.code = code;
  }
}

/** The request asks for something that only the engine, or a render service, can turn into tokens. */
export const unsupportedPrompt = (what: string): TokenizerError =>
  new TokenizerError('PROMPT_UNSUPPORTED', `${what}: that takes a render service`);

/** The request is not what the API defines; the engine will refuse it. */
export const invalidPrompt = (problem: string): TokenizerError =>
  new TokenizerError('PROMPT_INVALID', problem);
