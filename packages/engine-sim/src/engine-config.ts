// SPDX-License-Identifier: Apache-2.0
import type { EngineProfile } from './profile.ts';

/** What may differ from the profile. Names follow vLLM's flags. */
export interface EngineConfig {
  /** Default: the profile's. */
  readonly model?: string;
  readonly blockSizeTokens?: number;
  readonly numGpuBlocks?: number;
  /** Longest prompt and answer together. More than the KV blocks hold is cut to what they hold. */
  readonly maxModelLen?: number;
  /** Tokens in a step; at least `maxNumSeqs`. */
  readonly maxNumBatchedTokens?: number;
  /** Sequences in a step. */
  readonly maxNumSeqs?: number;
  /** Requests that may wait; one more is refused as overloaded. Default 10,000. */
  readonly maxWaitingRequests?: number;
  /** Default true. */
  readonly enablePrefixCaching?: boolean;
  /** Begins every block's chain, as PYTHONHASHSEED does for vLLM: engines with the same seed give blocks the same hashes. Default ''. */
  readonly hashSeed?: string;
  /** Different LoRA adapters in one step. Default 1. */
  readonly maxLoras?: number;
  /** Mean of drawn answer lengths, in tokens. Default 128. */
  readonly meanOutputTokens?: number;
  /** `random`: answers are made of random words. `echo`: an answer repeats its prompt. Default `random`. */
  readonly mode?: 'random' | 'echo';
  /** The engine runs this many times faster than its profile. Default 1. */
  readonly timeScale?: number;
}

/** A config value that no engine can run with. */
export class EngineConfigError extends RangeError {
  readonly code = 'ENGINE_CONFIG_INVALID';
  readonly option: string;
  constructor(option: keyof EngineConfig, value: unknown, rule: string) {
    super(`${option} must be ${rule}, got ${String(value)}`);
    this.name = 'EngineConfigError';
    this.option = option;
  }
}

export type SettledConfig = Required<EngineConfig>;

/** The config with every default applied. @throws {@link EngineConfigError} */
export function settleConfig(profile: EngineProfile, config: EngineConfig): SettledConfig {
  const settled: SettledConfig = {
    model: profile.model,
    blockSizeTokens: profile.blockSizeTokens,
    numGpuBlocks: profile.numGpuBlocks,
    maxModelLen: profile.maxModelLen,
    maxNumBatchedTokens: profile.maxNumBatchedTokens,
    maxNumSeqs: profile.maxNumSeqs,
    maxWaitingRequests: 10_000,
    enablePrefixCaching: true,
    hashSeed: '',
    maxLoras: 1,
    meanOutputTokens: 128,
    mode: 'random',
    timeScale: 1,
    ...config,
  };
  for (const option of COUNTS) {
    const value = settled[option];
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new EngineConfigError(option, value, 'a whole number from 1');
    }
  }
  for (const option of ['meanOutputTokens', 'timeScale'] as const) {
    const value = settled[option];
    if (!(value > 0 && value < Infinity)) throw new EngineConfigError(option, value, 'above 0');
  }
  if (settled.maxNumBatchedTokens < settled.maxNumSeqs) {
    const rule = `at least maxNumSeqs (${settled.maxNumSeqs})`;
    throw new EngineConfigError('maxNumBatchedTokens', settled.maxNumBatchedTokens, rule);
  }
  const capacity = settled.numGpuBlocks * settled.blockSizeTokens;
  return { ...settled, maxModelLen: Math.min(settled.maxModelLen, capacity) };
}

const COUNTS = [
  'blockSizeTokens',
  'numGpuBlocks',
  'maxModelLen',
  'maxNumBatchedTokens',
  'maxNumSeqs',
  'maxWaitingRequests',
  'maxLoras',
] as const;
