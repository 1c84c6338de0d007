// SPDX-License-Identifier: Apache-2.0
import type { KvEventSource } from '@llm-d/kv-index';
import type { KvBatchMessage } from '../kv-message.ts';

export const makeSource = (rest: Partial<KvEventSource> = {}): KvEventSource => ({
  ...{ pod: '10.0.0.1:8000', dpRank: 0, model: 'Qwen/Qwen3-32B', epoch: 'e1' },
  ...rest,
});

/** Whose payload says which it is. */
export const makeBatch = (
  sequence: number,
  rest: Partial<KvEventSource> & { readonly payloadBytes?: number } = {},
): KvBatchMessage => {
  const { payloadBytes = 8, ...source } = rest;
  const payload = new Uint8Array(payloadBytes).fill(sequence % 251);
  return {
    kind: 'batch',
    source: makeSource(source),
    sequence,
    receivedMs: 1_700_000_000_000 + sequence,
    payload,
  };
};
