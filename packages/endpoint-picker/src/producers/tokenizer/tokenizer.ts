// SPDX-License-Identifier: Apache-2.0
import { definePlugin } from '@llm-d/scheduler-core';
import { tokenProducer } from '../token-producer/token-producer.ts';

/** `token-producer` by its former name. */
export const tokenizer = definePlugin({
  ...tokenProducer,
  type: 'tokenizer',
  summary: 'Former name of token-producer.',
  deprecated: 'use token-producer',
  isDefaultProducer: false,
});
