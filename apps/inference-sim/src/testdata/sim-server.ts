// SPDX-License-Identifier: Apache-2.0
import type { EngineProfile } from '@llm-d/engine-sim';
import { startInferenceSim, type InferenceSimDependencies } from '../app.ts';
import { defaultOptions, type InferenceSimOptions } from '../options.ts';

/** The size of the captured server: 512 tokens, 128 blocks of 16. Steps are so short that tests do not wait. */
export const tinyProfile: EngineProfile = {
  name: 'tiny', model: '/models/golden/tiny', hardware: 'none', tensorParallelSize: 1,
  blockSizeTokens: 16, numGpuBlocks: 128, maxModelLen: 512,
  maxNumBatchedTokens: 2048, maxNumSeqs: 64,
  step: {
    baseMs: 0.5, prefillTokensPerSecond: 1e6, prefillQuadraticMsPerTokenSquared: 0,
    decodeBaseMs: 0.5, kvReadMsPerToken: 0, perSequenceMs: 0, perSequenceLimit: 1,
    decodeShareWithPrefill: 1,
  },
};

/** A simulator on free ports that ends with its scope (`await using`). */
export async function startTestSim(
  options: Partial<InferenceSimOptions> = {},
  dependencies: InferenceSimDependencies = {},
) {
  const sim = await startInferenceSim(
    { ...defaultOptions, port: 0, profile: tinyProfile, servedNames: ['tiny'], devMode: true, ...options },
    dependencies,
  );
  const url = `http://127.0.0.1:${sim.ports[0] ?? 0}`;
  return {
    url, ports: sim.ports, sim,
    get: (path: string) => fetch(url + path),
    post: (path: string, body: unknown, headers: Record<string, string> = {}) =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    /** The value of a series of `/metrics`, by the start of its line. */
    metric: async (start: string): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = text.split('\n').find((candidate) => candidate.startsWith(start));
      return Number(line?.split(' ').at(-1));
    },
    [Symbol.asyncDispose]: () => sim.close(),
  };
}
