// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow } from '@llm-d/determinism';
import { BYTES_PER_ESTIMATED_TOKEN } from '@llm-d/inference-api';

const CONSONANTS = 'bcdfghjklmnprstvz';
const VOWELS = 'aeiou';
const WORD_COUNT = 1024;

/** Words of two to four syllables, each with the space after it; the same list on every machine. */
const words: readonly string[] = (() => {
  const random = createRandom(20_230_916);
  const pick = (letters: string): string => letters.charAt(randomBelow(random, letters.length));
  return Array.from({ length: WORD_COUNT }, () => {
    const syllables = 2 + randomBelow(random, 3);
    return `${Array.from({ length: syllables }, () => pick(CONSONANTS) + pick(VOWELS)).join('')} `;
  });
})();

/** 32-bit FNV-1a of the label, started from the seed. */
function hashLabel(seed: number, label: string): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < label.length; i++) {
    hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash;
}

/** Which text to make. */
export interface PseudoTextOptions {
  /** Changes every text. */
  readonly seed: number;
  /** Length in tokens of {@link BYTES_PER_ESTIMATED_TOKEN} bytes each; a whole number. */
  readonly tokens: number;
}

/**
 * A text of made-up lower-case words in ASCII, `tokens` tokens long to the byte. It begins with `label`, so two
 * labels that are no prefix of each other give texts that differ from the start; the same label and seed give
 * the same text, a shorter one being a prefix of a longer one.
 */
export function pseudoText(label: string, options: PseudoTextOptions): string {
  const bytes = options.tokens * BYTES_PER_ESTIMATED_TOKEN;
  const random = createRandom(hashLabel(options.seed, label));
  const parts = [label, ' '];
  for (let length = label.length + 1; length < bytes;) {
    const word = words[randomBelow(random, WORD_COUNT)] ?? '';
    parts.push(word);
    length += word.length;
  }
  return parts.join('').slice(0, bytes);
}
