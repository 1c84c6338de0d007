import fc from 'fast-check';
import { expect, test } from 'vitest';
import { renderChat } from './chat-template.ts';
import { Detokenizer, concatTokens, detokenize, tokenize } from './token-text.ts';

const text = fc.string({ unit: 'grapheme' }).map((s) => s.replaceAll('\0', ''));

test('text survives the way into tokens and back', () => {
  fc.assert(
    fc.property(text, (s) => {
      expect(detokenize(tokenize(s))).toBe(s);
    }),
  );
});

test('a token stands for four bytes', () => {
  expect([...tokenize('abcde')]).toEqual([0x64636261, 0x65]);
  expect(tokenize('')).toHaveLength(0);
});

test('a character that spans tokens appears once it is whole', () => {
  const detokenizer = new Detokenizer();
  const pieces = [...tokenize('abc😀d')].map((token) => detokenizer.push(token));
  expect(pieces).toEqual(['abc', '😀d']);
  expect(detokenizer.end()).toBe('');
});

test('a character that never ends becomes a replacement character', () => {
  expect(detokenize(tokenize('abc😀').subarray(0, 1))).toBe('abc�');
});

test('a conversation that goes on starts with the tokens of the conversation and its answer', () => {
  fc.assert(
    fc.property(text, text, text, (question, answer, next) => {
      const first = renderChat([{ role: 'user', text: question }], { addGenerationPrompt: true });
      const whole = concatTokens([first, tokenize(answer)]);
      const second = renderChat(
        [
          { role: 'user', text: question },
          { role: 'assistant', text: answer },
          { role: 'user', text: next },
        ],
        { addGenerationPrompt: true },
      );
      expect([...second.subarray(0, whole.length)]).toEqual([...whole]);
    }),
  );
});
