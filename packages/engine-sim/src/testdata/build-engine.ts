// SPDX-License-Identifier: Apache-2.0
import { VirtualClock, createRandom } from '@llm-d/determinism';
import type { EngineConfig } from '../engine-config.ts';
import { createEngine, type EngineOptions } from '../engine.ts';
import type { EngineProfile } from '../profile.ts';
import type { EngineRequest, SequenceResult, SubmitResult } from '../request.ts';

/** A profile whose times are easy to add up: 1 ms a step, 1 ms a prompt token, 10 ms a decode. */
export const plainProfile: EngineProfile = {
  name: 'plain', model: 'plain-model', hardware: 'none', tensorParallelSize: 1,
  blockSizeTokens: 4, numGpuBlocks: 100, maxModelLen: 400,
  maxNumBatchedTokens: 64, maxNumSeqs: 8,
  step: {
    baseMs: 1, prefillTokensPerSecond: 1000, prefillQuadraticMsPerTokenSquared: 0,
    decodeBaseMs: 10, kvReadMsPerToken: 0, perSequenceMs: 0, perSequenceLimit: 1,
    decodeShareWithPrefill: 1,
  },
};

/** What became of a submitted request. */
export interface Track {
  readonly submitted: SubmitResult;
  readonly tokens: number[];
  readonly tokenTimesMs: number[];
  result: SequenceResult | undefined;
  ends: number;
}

/** An engine on a virtual clock, with a `submit` that keeps what its sink was told. */
export function buildEngine(
  config: EngineConfig = {},
  options: Partial<EngineOptions> & { readonly seed?: number } = {},
) {
  const clock = new VirtualClock();
  const engine = createEngine({
    profile: plainProfile, clock, random: createRandom(options.seed ?? 1),
    ...options,
    config,
  });
  const submit = (request: Partial<EngineRequest> & Pick<EngineRequest, 'promptTokens'>): Track => {
    const tokens: number[] = [];
    const tokenTimesMs: number[] = [];
    let result: SequenceResult | undefined;
    let ends = 0;
    const submitted = engine.submit(
      { ignoreEos: true, ...request },
      {
        onToken: (token) => {
          tokens.push(token);
          tokenTimesMs.push(clock.nowMs());
        },
        onFinish: (ended) => {
          result = ended;
          ends++;
        },
      },
    );
    return {
      submitted, tokens, tokenTimesMs,
      get result() {
        return result;
      },
      get ends() {
        return ends;
      },
    };
  };
  return { clock, engine, submit };
}

/** `length` tokens that no other `start` shares. */
export function prompt(start: number, length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, i) => start * 100_000 + i);
}
