import { expect, test } from 'vitest';
import { getPodScoresPath, getPodScoresRequest, getPodScoresResponse } from './index.ts';

test('messages of the indexer have the bytes of the public protocol', () => {
  const request = { prompt: 'hi', modelName: 'm', podIdentifiers: ['a', 'b'] };
  const wire = Buffer.from('0a02686912016d1a01611a0162', 'hex');
  expect(getPodScoresRequest.encode(request)).toEqual(wire);
  expect(getPodScoresRequest.decode(wire)).toMatchObject(request);
  const response = { scores: [{ pod: 'a', score: 1.5 }] };
  const answer = Buffer.from('0a0c0a016111000000000000f83f', 'hex');
  expect(getPodScoresResponse.encode(response)).toEqual(answer);
  expect(getPodScoresResponse.decode(answer)).toMatchObject(response);
  expect(getPodScoresPath).toBe('/indexer.v1.IndexerService/GetPodScores');
});
