import { expect, test } from 'vitest';
import { prefixMatches } from '../../../attributes/prefix-matches.ts';
import { tokenizedPrompt } from '../../../attributes/tokenized-prompt.ts';
import { makeCycle, makeEndpoint, makePlugin, makePrefixMatches } from '../../../testing/index.ts';
import { prefixBasedPdDecider } from './prefix-based-pd-decider.ts';

const chosen = makeEndpoint('a');
const cycleOf = (tokens: number | undefined, matched: number | undefined, producer?: string) =>
  makeCycle({
    attributes: [
      ...(tokens === undefined
        ? []
        : [[tokenizedPrompt(), { ids: new Uint32Array(tokens), estimated: false }] as const]),
      ...(matched === undefined
        ? []
        : [[prefixMatches(producer), makePrefixMatches({ a: matched })] as const]),
    ],
  });

test.each([
  [{}, 9999, 0, 'nonCachedTokens is 0: never'],
  [{ nonCachedTokens: 512 }, undefined, 0, 'the length of the prompt is not known'],
  [{ nonCachedTokens: 512, promptTokens: 600 }, 599, 0, '599 prompt tokens < 600'],
  [{ nonCachedTokens: 512 }, 511, 0, '511 prompt tokens < 512'],
  [{ nonCachedTokens: 512 }, 600, undefined, 'what the chosen endpoint has cached is not known'],
  [{ nonCachedTokens: 512 }, 600, 6, '504 uncached tokens < 512'],
  [{ nonCachedTokens: 512 }, 527, 40, '0 uncached tokens < 512'],
])(
  'with %j, %s tokens and %s cached blocks: no, because %s',
  (parameters, tokens, cached, reason) => {
    const { decider } = makePlugin(prefixBasedPdDecider, parameters);
    expect(decider?.decide(cycleOf(tokens, cached), chosen)).toEqual({
      disaggregate: false,
      reason,
    });
  },
);

test('what is left to compute decides, to the token', () => {
  const { decider } = makePlugin(prefixBasedPdDecider, { nonCachedTokens: 512, promptTokens: 528 });
  expect(decider?.decide(cycleOf(528, 1), chosen)).toEqual({
    disaggregate: true,
    reason: '512 uncached tokens ≥ 512',
  });
});

test('works with any producer of prefix matches, and declares it', () => {
  const parameters = { nonCachedTokens: 10, prefixMatchInfoProducerName: 'precise' };
  const { decider } = makePlugin(prefixBasedPdDecider, parameters);
  expect(decider?.decide(cycleOf(100, 6, 'precise'), chosen).reason).toBe('4 uncached tokens < 10');
  expect(
    prefixBasedPdDecider.consumes?.(prefixBasedPdDecider.parameters.parse(parameters)),
  ).toEqual([tokenizedPrompt(), prefixMatches('precise')]);
});
