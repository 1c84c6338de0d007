import { expect, test } from 'vitest';
import { makeCycle, makePlugin } from '../../testing/index.ts';
import { alwaysDisaggMultimodalDecider } from './always-disagg-multimodal-decider/always-disagg-multimodal-decider.ts';
import { alwaysDisaggPdDecider } from './always-disagg-pd-decider/always-disagg-pd-decider.ts';

test('the always decider always says yes', () => {
  expect(makePlugin(alwaysDisaggPdDecider).decider?.decide(makeCycle(), undefined)).toEqual({
    disaggregate: true,
    reason: 'always',
  });
});

test.each([
  [[], { disaggregate: false, reason: 'no media in the prompt' }],
  [
    [{ kind: 'audio', key: 'k' } as const],
    { disaggregate: true, reason: 'media items in the prompt: 1' },
  ],
])('the multimodal decider looks for media: %j', (mediaItems, expected) => {
  const { decider } = makePlugin(alwaysDisaggMultimodalDecider);
  expect(decider?.decide(makeCycle({ request: { mediaItems } }), undefined)).toEqual(expected);
});
