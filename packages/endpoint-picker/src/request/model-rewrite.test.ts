import { createRandom } from '@llm-d/determinism';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drawTarget, mergeRewrites, type ModelRewrite } from './model-rewrite.ts';

const rewrite = (
  name: string,
  createdAtEpochMs: number,
  ...rules: readonly (readonly [models: readonly string[], target: string])[]
): ModelRewrite => ({
  name,
  createdAtEpochMs,
  rules: rules.map(([models, model]) => ({ models, targets: [{ model }] })),
});

test.each<[string, ModelRewrite[], string, string | undefined]>([
  ['a rule for the model', [rewrite('a', 1, [['m'], 'x'])], 'm', 'a: x'],
  ['no rule for another model', [rewrite('a', 1, [['m'], 'x'])], 'n', undefined],
  ['a rule for all models', [rewrite('a', 1, [[], 'x'])], 'n', 'a: x'],
  ['a rule for all models where none is named', [rewrite('a', 1, [[], 'x'])], '', 'a: x'],
  ['no exact rule where none is named', [rewrite('a', 1, [['m'], 'x'])], '', undefined],
  [
    'an exact rule before an older one for all models',
    [rewrite('old', 1, [[], 'x']), rewrite('new', 2, [['m'], 'y'])],
    'm',
    'new: y',
  ],
  [
    'the older object’s rule',
    [rewrite('new', 2, [['m'], 'y']), rewrite('old', 1, [['m'], 'x'])],
    'm',
    'old: x',
  ],
  [
    'the first of two of the same age by name',
    [rewrite('b', 1, [['m'], 'y']), rewrite('a', 1, [['m'], 'x'])],
    'm',
    'a: x',
  ],
  ['the first in the list', [rewrite('a', 1, [['m'], 'x'], [['m'], 'y'])], 'm', 'a: x'],
  ['any of several names', [rewrite('a', 1, [['l', 'm'], 'x'])], 'm', 'a: x'],
])('what counts is %s', (_, rewrites, model, expected) => {
  const rule = mergeRewrites(rewrites)(model);
  expect(rule && `${rule.rewrite}: ${String(rule.targets[0]?.model)}`).toBe(expected);
});

describe('drawing a target', () => {
  const shares = (targets: Parameters<typeof drawTarget>[0]): Record<string, number> => {
    const random = createRandom(7);
    const counts: Record<string, number> = {};
    for (let i = 0; i < 10_000; i++) {
      const model = drawTarget(targets, random) ?? 'none';
      counts[model] = (counts[model] ?? 0) + 1;
    }
    return counts;
  };

  test('goes by weight', () => {
    const { a = 0, b = 0 } = shares([
      { model: 'a', weight: 90 },
      { model: 'b', weight: 10 },
    ]);
    expect(a + b).toBe(10_000);
    expect(a).toBeGreaterThan(8_800);
    expect(a).toBeLessThan(9_200);
  });

  test('never takes one without a weight beside one that has one', () => {
    expect(shares([{ model: 'a' }, { model: 'b', weight: 1 }])).toEqual({ b: 10_000 });
  });

  test.each([
    ['no weights', [{ model: 'a' }, { model: 'b' }]],
    [
      'weights of 0',
      [
        { model: 'a', weight: 0 },
        { model: 'b', weight: 0 },
      ],
    ],
  ])('takes all alike with %s', (_, targets) => {
    const { a = 0, b = 0 } = shares(targets);
    expect([a > 4_700, b > 4_700]).toEqual([true, true]);
  });

  test('takes nothing where there is nothing', () => {
    expect(drawTarget([], createRandom(1))).toBeUndefined();
  });

  test('always takes one of the targets', () => {
    const target = fc.record({ model: fc.string(), weight: fc.option(fc.nat(1_000_000)) });
    fc.assert(
      fc.property(fc.array(target, { minLength: 1 }), fc.integer(), (given, seed) => {
        const targets = given.map(({ model, weight }) => ({ model, weight: weight ?? undefined }));
        const drawn = drawTarget(targets, createRandom(seed));
        expect(targets.some(({ model }) => model === drawn)).toBe(true);
      }),
    );
  });
});
