import { createRandom } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { planAnswer } from './answer.ts';
import { wordTokens } from './vocabulary.ts';

const promptTokens = Uint32Array.of(1, 2, 3);
const options = { mode: 'random', meanOutputTokens: 20, limit: 50 } as const;

describe('an answer', () => {
  test('has exactly the asked length when the end of text is ignored', () => {
    const answer = planAnswer({ promptTokens, ignoreEos: true }, createRandom(1), options);
    expect(answer).toMatchObject({ tokens: { length: 50 }, finish: 'length' });
  });

  test('ends by itself around the mean length otherwise, never beyond the limit', () => {
    const random = createRandom(1);
    const answers = Array.from({ length: 2000 }, () =>
      planAnswer({ promptTokens }, random, options),
    );
    const lengths = answers.map(({ tokens }) => tokens.length);
    expect(Math.min(...lengths)).toBe(1);
    expect(Math.max(...lengths)).toBe(50);
    const free = { ...options, limit: 1e6 };
    const sum = Array.from(
      { length: 2000 },
      () => planAnswer({ promptTokens }, random, free).tokens.length,
    ).reduce((a, b) => a + b);
    expect(sum / 2000).toBeGreaterThan(18);
    expect(sum / 2000).toBeLessThan(22);
    for (const { tokens, finish } of answers) {
      expect(finish).toBe(tokens.length === 50 ? 'length' : 'stop');
    }
  });

  test('consists of words', () => {
    const { tokens } = planAnswer({ promptTokens, ignoreEos: true }, createRandom(3), options);
    expect([...tokens].every((token) => wordTokens.includes(token))).toBe(true);
    expect(new Set(tokens).size).toBeGreaterThan(10);
  });

  test('is a function of the seed if there is one', () => {
    const random = createRandom(9);
    const request = { promptTokens, seed: 5 };
    expect(planAnswer(request, random, options)).toEqual(planAnswer(request, random, options));
  });

  test.each([
    ['repeats the prompt', { mode: 'echo' as const, limit: 5 }, {}, [1, 2, 3], 'stop'],
    ['is cut', { mode: 'echo' as const, limit: 2 }, {}, [1, 2], 'length'],
    [
      'starts over',
      { mode: 'echo' as const, limit: 5 },
      { ignoreEos: true },
      [1, 2, 3, 1, 2],
      'length',
    ],
    ['is given', { limit: 5 }, { outputTokens: Uint32Array.of(8, 9) }, [8, 9], 'stop'],
    ['is given and cut', { limit: 1 }, { outputTokens: Uint32Array.of(8, 9) }, [8], 'length'],
  ])('%s', (_, change, request, tokens, finish) => {
    const answer = planAnswer({ promptTokens, ...request }, createRandom(1), {
      ...options,
      ...change,
    });
    expect([[...answer.tokens], answer.finish]).toEqual([tokens, finish]);
  });
});
