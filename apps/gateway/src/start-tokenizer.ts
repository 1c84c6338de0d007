// SPDX-License-Identifier: Apache-2.0
import type { LocalTokenizerFactory } from '@llm-d/endpoint-picker';

/** Starts a tokenizer in this process. Its code is loaded only by configurations that ask for it. */
export const startTokenizer: LocalTokenizerFactory = async (options) => {
  const { createTokenizerPool } = await import('@llm-d/inference-api/tokenizer');
  return createTokenizerPool(options);
};
