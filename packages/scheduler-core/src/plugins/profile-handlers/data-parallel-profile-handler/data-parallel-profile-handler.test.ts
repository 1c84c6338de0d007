import { expect, test } from 'vitest';
import { makeEndpoint } from '../../../testing/index.ts';
import { createPlacer, goldenConfig } from '../placing.testing.ts';

test.each([
  ['10.0.0.1', '10.0.0.1:8000', '10.0.0.1:8001'],
  ['fd00::1', '[fd00::1]:8000', '[fd00::1]:8001'],
])('a rank at %s is reached through %s and named as %s', (address, to, rank) => {
  const { place } = createPlacer(goldenConfig('data-parallel'));
  const upstream = { 'x-data-parallel-host-port': 'evil:1' };
  expect(place({ fleet: [makeEndpoint('a').at(address, 8001)], upstream })).toEqual({
    to,
    picked: { default: 'a' },
    headers: { 'x-data-parallel-host-port': rank },
    stages: [],
  });
});
