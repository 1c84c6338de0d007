import { expect, test } from 'vitest';
import { encoderCacheMatches } from '../../../attributes/encoder-cache-matches.ts';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { mmEmbeddingsCacheScorer } from './mm-embeddings-cache-scorer.ts';

const candidates = [makeEndpoint('a'), makeEndpoint('b')];
const matches = {
  totalSize: 400,
  matchedSize: ({ name }: { readonly name: string }) => (name === 'b' ? 100 : 0),
};

test.each([
  ['the share that is encoded already', {}, encoderCacheMatches(), [0, 0.25]],
  ['another producer', { producerName: 'mine' }, encoderCacheMatches('mine'), [0, 0.25]],
  ['nothing, without matches', {}, encoderCacheMatches('mine'), [0, 0]],
])('media are rated by %s', (_name, parameters, attribute, expected) => {
  const { scorer } = makePlugin(mmEmbeddingsCacheScorer, parameters);
  const cycle = makeCycle({ attributes: [[attribute, matches]] });
  expect(Array.from(scorer?.score(cycle, candidates) ?? [])).toEqual(expected);
});
