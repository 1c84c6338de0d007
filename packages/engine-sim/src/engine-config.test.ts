import { expect, test } from 'vitest';
import { EngineConfigError, settleConfig } from './engine-config.ts';
import { plainProfile } from './testdata/build-engine.ts';

test('what is not given comes from the profile', () => {
  expect(settleConfig(plainProfile, { numGpuBlocks: 200 })).toMatchObject({
    model: 'plain-model',
    blockSizeTokens: 4,
    numGpuBlocks: 200,
    maxNumSeqs: 8,
    maxLoras: 1,
    mode: 'random',
    timeScale: 1,
    enablePrefixCaching: true,
  });
});

test('the model cannot be longer than all of the KV blocks', () => {
  expect(settleConfig(plainProfile, { numGpuBlocks: 10 }).maxModelLen).toBe(40);
});

test.each([
  [{ numGpuBlocks: 0 }, 'numGpuBlocks must be a whole number from 1, got 0'],
  [{ maxNumSeqs: 2.5 }, 'maxNumSeqs must be a whole number from 1, got 2.5'],
  [{ timeScale: 0 }, 'timeScale must be above 0, got 0'],
  [{ meanOutputTokens: NaN }, 'meanOutputTokens must be above 0, got NaN'],
  [{ maxNumBatchedTokens: 4 }, 'maxNumBatchedTokens must be at least maxNumSeqs (8), got 4'],
])('%o is refused', (config, message) => {
  expect(() => settleConfig(plainProfile, config)).toThrow(EngineConfigError);
  expect(() => settleConfig(plainProfile, config)).toThrow(message);
});
