import { readFileSync } from 'node:fs';
import { createSseParser } from '@llm-d/inference-api';
import { describe, expect, test } from 'vitest';
import { readOpenAiAnswer } from './openai-answer.ts';

const captured = (name: string) => readFileSync(new URL(`testdata/${name}.sse`, import.meta.url));
/** The data of a captured stream's events. */
const read = (stream: Buffer): string[] => {
  const data: string[] = [];
  const parser = createSseParser({ onData: (bytes) => data.push(Buffer.from(bytes).toString()) });
  parser.push(stream);
  return data;
};

describe('what vLLM streams', () => {
  test.each([
    ['vllm-chat-usage', 29, 6],
    ['vllm-completion-usage', 7, 6],
  ])('has its text and usage: %s', (name, promptTokens, completionTokens) => {
    const answers = read(captured(name))
      .filter((data) => data !== '[DONE]')
      .map(readOpenAiAnswer);
    expect(answers.every((answer) => answer !== undefined)).toBe(true);
    expect(answers.map((answer) => answer?.text).join('')).toMatch(/\S/);
    expect(answers.at(-1)?.usage).toMatchObject({ promptTokens, completionTokens });
  });
});

test.each([
  ['{"error":{"message":"no","type":"x","param":null,"code":500}}', { text: '', error: 'no' }],
  ['{"error":"no"}', { text: '', error: 'no' }],
  ['{"choices":[{"delta":{"reasoning_content":"hm"}}]}', { text: 'hm' }],
  ['{"choices":[{"message":{"content":"hi"}}]}', { text: 'hi' }],
  ['{"choices":[{"text":"hi"}]}', { text: 'hi' }],
  ['{"object":"list"}', undefined],
  ['[1]', undefined],
])('an answer is read from %s', (json, answer) => {
  expect(readOpenAiAnswer(json)).toEqual(answer);
});
