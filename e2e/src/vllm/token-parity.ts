// SPDX-License-Identifier: Apache-2.0
import { createRandom, randomBelow, systemClock } from '@llm-d/determinism';
import { parseJsonText } from '@llm-d/inference-api';
import { createTokenizer, loadTokenizerDirectory } from '@llm-d/inference-api/tokenizer';
import { expect } from 'vitest';
import type { PrefixEngine } from './prefix-engine.ts';
import { tokenIds, type PromptBody } from './prefix-prompts.ts';

/** Where tokenizers differ: white space, digits, contractions, scripts, symbols, special tokens in plain text. */
const PIECES = [
  ...[
    'the cache',
    ' router',
    '  two  spaces',
    '\n\n',
    '\t',
    ' don’t',
    " it's",
    ' 1234567',
    '3.14',
    '-',
  ],
  ...[
    'ÄÖÜ ß',
    ' naïve',
    ' Ελληνικά',
    ' русский',
    ' 日本語',
    ' العربية',
    ' 🙂',
    '👩‍👩‍👧',
    '\u00a0',
    '\r\n',
  ],
  ...[
    '<|im_start|>',
    ' <|bos|>',
    '<|pad',
    '{"json": [1, 2]}',
    ' if (a && b) {',
    '…',
    ' x'.repeat(40),
  ],
];
const COUNT = 150;

/**
 * Tokenizes texts and conversations here and by the engine's own `/tokenize`, and expects equal ids. `directory` is the
 * engine's model.
 */
export async function expectTokenParity(engine: PrefixEngine, directory: string): Promise<void> {
  const files = await loadTokenizerDirectory(directory);
  const tokenizer = createTokenizer(files, { now: () => systemClock.epochMs() });
  for (const body of bodies()) {
    const api = 'prompt' in body ? 'completions' : 'chat-completions';
    const json = parseJsonText(JSON.stringify({ model: engine.model, ...body }));
    const { ids } = tokenizer.tokenizeRequest(api, json);
    const theirs = await tokenIds(engine.url, { model: engine.model, body });
    expect([...ids], JSON.stringify(body)).toEqual(theirs);
  }
}

function bodies(): readonly PromptBody[] {
  const random = createRandom(7);
  const text = (): string =>
    Array.from(
      { length: 1 + randomBelow(random, 12) },
      () => PIECES[randomBelow(random, PIECES.length)],
    ).join('');
  const turn = (i: number) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content: text() });
  return Array.from({ length: COUNT }, (_, i) =>
    i % 2 === 0
      ? { prompt: text() }
      : {
          messages: [
            { role: 'system', content: text() },
            ...Array.from({ length: 1 + 2 * randomBelow(random, 3) }, (_, i) => turn(i)),
          ],
        },
  );
}
