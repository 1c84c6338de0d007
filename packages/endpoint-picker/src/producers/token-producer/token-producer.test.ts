import { tokenizedPrompt, type Prompt } from '@llm-d/scheduler-core';
import { expect, test } from 'vitest';
import { produceWith } from '../producing.testing.ts';
import { tokenProducer } from './token-producer.ts';

const tokens = async (prompt: Prompt) => {
  const { attributes } = await produceWith(tokenProducer, { request: { prompt } });
  return attributes.get(tokenizedPrompt());
};

test('text becomes one token for every four bytes, the last one padded', async () => {
  expect(await tokens({ kind: 'text', bytes: Buffer.from('abcdefg') })).toEqual({
    ids: Uint32Array.of(0x64636261, 0x00676665),
    estimated: true,
  });
});

test('what the client tokenized stays as it is', async () => {
  const ids = Uint32Array.of(1, 2, 3);
  expect(await tokens({ kind: 'tokens', ids })).toEqual({ ids, estimated: false });
});

test('without a prompt there are no tokens', async () => {
  expect(await tokens({ kind: 'none' })).toBeUndefined();
});
