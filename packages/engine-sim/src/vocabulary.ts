// SPDX-License-Identifier: Apache-2.0
import { estimateTokens } from '@llm-d/inference-api';

const WORDS =
  'the and for you can her was one our out day get has him his how man new now old see two way who ' +
  'boy did its let put say she too use air end far few hot ice joy key law map net oak pen red sea ' +
  'sky sun tea top war win yes arm bus cat dog eye fun gas';

/** Sixty-four token ids, each the four bytes of a space and a word of three letters: what simulated models say. */
export const wordTokens: Uint32Array = estimateTokens(
  new TextEncoder().encode(
    WORDS.split(' ')
      .map((word) => ` ${word}`)
      .join(''),
  ),
);

/** `length` tokens of {@link wordTokens}, the same for the same `seed` (32 bits). xorshift32. */
export function writeWords(seed: number, length: number): Uint32Array {
  const tokens = new Uint32Array(length);
  const mask = wordTokens.length - 1;
  let state = seed | 0 || 0x9e3779b9;
  for (let i = 0; i < length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    tokens[i] = wordTokens[(state >>> 8) & mask] ?? 0;
  }
  return tokens;
}
