import { describe } from 'vitest';
import { TEST_TIMEOUT_MS } from '../stack.ts';
import { simulatedEngine } from './prefix-engine.ts';
import { describePrefixRouting } from './prefix-suite.ts';

describe('simulated engines', () => {
  describePrefixRouting({
    startEngine: simulatedEngine,
    engineStartMs: TEST_TIMEOUT_MS,
    tokens: ['blocks as large as the engines’', 'blocks of half their size'],
    gateways: ([{ model, url }]) => [
      {
        title: 'blocks as large as the engines’',
        blockSizeTokens: 32,
        tokens: { modelName: model, vllm: { url } },
      },
      {
        title: 'blocks of half their size',
        blockSizeTokens: 16,
        tokens: { modelName: model, vllm: { url } },
      },
    ],
  });
});
