// SPDX-License-Identifier: Apache-2.0
export { createTokenizer } from './tokenizer.ts';
export { loadTokenizerDirectory } from './tokenizer-directory.ts';
export { createTokenizerPool } from './pool/tokenizer-pool.ts';
export { TokenizerError, tokenizerErrorCodes } from './tokenizer-error.ts';

export type {
  TokenizedApi,
  TokenizedRequest,
  Tokenizer,
  TokenizerFiles,
  TokenizerOptions,
} from './tokenizer.ts';
export type { TokenizerDirectoryOptions } from './tokenizer-directory.ts';
export type { ChatOptions } from './chat-request.ts';
export type { ContentFormat } from './template/content-format.ts';
export type { PrefixTokenCacheStats } from './encoding/prefix-token-cache.ts';
export type {
  TokenizerCall,
  TokenizerPool,
  TokenizerPoolOptions,
  TokenizerPoolState,
} from './pool/tokenizer-pool.ts';
export type { SlotState } from './pool/worker-slot.ts';
export type { TokenizerErrorCode } from './tokenizer-error.ts';
