// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '@llm-d/scheduler-core';
import type { LocalTokenizerFactory } from '../token-producer/local-tokenizer.ts';
import { createTokenProducer } from '../token-producer/token-producer.ts';

/** `token-producer` by its former name. */
export const createTokenizerPlugin = (startTokenizer?: LocalTokenizerFactory) =>
  definePlugin({
    ...createTokenProducer(startTokenizer),
    type: 'tokenizer',
    summary: 'Former name of token-producer.',
    deprecated: 'use token-producer',
    isDefaultProducer: false,
  });
