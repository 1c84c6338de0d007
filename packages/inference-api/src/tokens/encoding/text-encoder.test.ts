import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testTokenizer, tokenizerNames } from '../fixtures.testing.ts';
import { Tokenizer } from './hf-tokenizers.ts';
import { createPrefixTokenCache, type PrefixTokenCache } from './prefix-token-cache.ts';
import { createTextEncoder } from './text-encoder.ts';
import { addedTokenOf, addedTokenRecords } from './tokenizer-json.ts';

const encoderOf = (name: string, cache: PrefixTokenCache) =>
  createTextEncoder(testTokenizer(name), {}, cache);
const none = () => createPrefixTokenCache({ maxBytes: 0 });

/** What turns of conversations consist of: words, spaces, scripts, code, marks of turns. */
const fragment = (name: string) => {
  const added = addedTokenRecords(testTokenizer(name), {}).map(
    (record) => addedTokenOf(record).content,
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.lorem({ maxCount: 8 }) },
    { weight: 3, arbitrary: fc.constantFrom(...added) },
    fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\n\n',
      '\t',
      '\u00a0',
      '▁',
      '▁▁',
      '。',
      'é',
      'e\u0301',
      '🙂',
      '<',
      '|>',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.string({ unit: 'grapheme', maxLength: 12 }),
  );
};
const conversation = (name: string) =>
  fc
    .array(fragment(name), { minLength: 1, maxLength: 400, size: 'max' })
    .map((parts) => parts.join(''));

describe.each(tokenizerNames)('%s', (name) => {
  test('what is remembered of other texts changes nothing', () => {
    const cache = createPrefixTokenCache({ maxBytes: 200_000 });
    const remembering = encoderOf(name, cache);
    const fresh = encoderOf(name, none());
    const pair = fc.tuple(conversation(name), conversation(name), fc.nat(), fc.boolean());
    fc.assert(
      fc.property(pair, ([first, second, cut, addSpecialTokens]) => {
        // The second begins like the first, up to anywhere.
        const forked = first.slice(0, cut % (first.length + 1)) + second;
        for (const text of [first, forked, first, second]) {
          const options = { addSpecialTokens };
          expect(remembering.encode(text, options)).toEqual(fresh.encode(text, options));
        }
      }),
      { numRuns: 20 },
    );
    expect(cache.stats.hitTokens).toBeGreaterThan(1000);
  });
});

// Where the library departs from Rust's `tokenizers` (the other three), goldens say what is right.
test.each(['llama2-like', 'llama3-like', 'qwen-like'])(
  '%s: the library that runs the steps gives the same when it runs all of them',
  (name) => {
    const encoder = encoderOf(name, none());
    const library = new Tokenizer(testTokenizer(name), {});
    fc.assert(
      fc.property(conversation(name), (text) => {
        const expected = library.encode(text, { add_special_tokens: true }).ids;
        expect([...encoder.encode(text, { addSpecialTokens: true })]).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  },
);

test('a conversation that goes on is looked up but for its end', () => {
  const cache = createPrefixTokenCache({ maxBytes: 1_000_000 });
  const encoder = encoderOf('qwen-like', cache);
  const turn = (i: number) => `<|im_start|>user\n${`question ${i} `.repeat(40)}<|im_end|>\n`;
  const upTo = (turns: number) => Array.from({ length: turns }, (_, i) => turn(i)).join('');
  const before = encoder.encode(upTo(20), { addSpecialTokens: false });
  const { missTokens } = cache.stats;
  const after = encoder.encode(upTo(21), { addSpecialTokens: false });
  expect(after.subarray(0, before.length)).toEqual(before);
  expect(cache.stats.hitTokens).toBeGreaterThan(before.length * 0.9);
  expect(cache.stats.missTokens - missTokens).toBeLessThan(before.length / 10);
});

test('half a surrogate pair counts as a replacement character', () => {
  const encoder = encoderOf('qwen-like', none());
  const options = { addSpecialTokens: false };
  expect(encoder.encode('a\ud83d', options)).toEqual(encoder.encode('a\ufffd', options));
});
