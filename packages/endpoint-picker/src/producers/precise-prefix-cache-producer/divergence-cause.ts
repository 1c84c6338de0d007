// SPDX-License-Identifier: Apache-2.0
import type { ParityFinding } from './parity-probes.ts';

/** What a person should look at when no block of our prompts turns up in the engines' events; the engines' hash seed never matters. */
export function divergenceCause(finding: ParityFinding, blockSizeTokens: number): string {
  const { promptTokens, enginePromptTokens, engineBlockTokens } = finding;
  if (enginePromptTokens !== undefined && enginePromptTokens !== promptTokens) {
    return `the engine counted ${enginePromptTokens} tokens in a prompt of ${promptTokens}: token-producer uses another tokenizer or chat template`;
  }
  if (engineBlockTokens !== undefined && !fits(engineBlockTokens, blockSizeTokens)) {
    return `blocks of ${blockSizeTokens} tokens do not fit the engine's of ${engineBlockTokens}: one must be a multiple of the other`;
  }
  return 'the number of tokens agrees: the engine may be asked for the model by another name than in its topic or adapters, or its chat template may differ in content';
}

const fits = (one: number, other: number): boolean => one % other === 0 || other % one === 0;
