import { expect, test } from 'vitest';
import { parsersSpeak } from './app-protocol.ts';

test.each<[readonly string[], string, boolean]>([
  [['openai-parser'], 'http', true],
  [['openai-parser'], 'kubernetes.io/h2c', true],
  [['vllmgrpc-parser'], 'http', false],
  [['vllmgrpc-parser'], 'kubernetes.io/h2c', true],
  [['vllmgrpc-parser', 'openai-parser'], 'http', true],
  [['openai-parser'], 'kubernetes.io/ws', false],
  [['passthrough-parser'], 'kubernetes.io/ws', true],
  [[], 'http', true],
])('%j in front of a pool that speaks %s: %s', (parsers, protocol, fits) => {
  expect(parsersSpeak(parsers, protocol)).toBe(fits);
});
