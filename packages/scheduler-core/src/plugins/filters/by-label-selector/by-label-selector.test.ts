import { expect, test } from 'vitest';
import { makeCycle, makeEndpoint, makePlugin } from '../../../testing/index.ts';
import { byLabelSelector } from './by-label-selector.ts';

test('the former name of the label selector selects by labels', () => {
  const [gold, plain] = [makeEndpoint('g').label('tier', 'gold'), makeEndpoint('x')];
  const { filter } = makePlugin(byLabelSelector, { matchLabels: { tier: 'gold' } });
  expect(filter?.filter(makeCycle(), [plain, gold])).toEqual([gold]);
});
