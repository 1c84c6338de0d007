import { findVllm, isSkipped, pathOf, titleWith } from '@llm-d/test-kit';
import { join } from 'node:path';
import { describe } from 'vitest';
import { vllmEngine } from './prefix-engine.ts';
import { describePrefixRouting } from './prefix-suite.ts';

/** Python reads thousands of files at a start, on a machine that may be busy with something else. */
const ENGINE_START_MS = 600_000;

const vllm = await findVllm();
const modelDirectory = () => join(pathOf(vllm), 'model');

describe.skipIf(isSkipped(vllm))(titleWith('real vLLMs', vllm), () => {
  describePrefixRouting({
    startEngine: (name, hashes) => vllmEngine(pathOf(vllm))(name, hashes),
    engineStartMs: ENGINE_START_MS,
    modelDirectory,
    tokens: ['tokens that vLLM renders', 'the embedded tokenizer, and blocks of half the size'],
    gateways: ([{ model, url }]) => [
      {
        title: 'tokens that vLLM renders',
        blockSizeTokens: 32,
        tokens: { modelName: model, vllm: { url } },
      },
      {
        title: 'the embedded tokenizer, and blocks of half the size',
        blockSizeTokens: 16,
        tokens: { local: { directory: modelDirectory(), timeout: '60s' } },
      },
    ],
  });
});
