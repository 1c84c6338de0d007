import { describe, expect, test } from 'vitest';
import { estimateMediaTokens, videoFactsOf } from './media-estimate.ts';
import { defaultEstimate, tokenProducerParameters } from './token-producer-parameters.ts';

const estimateBy = (parameters: object) =>
  tokenProducerParameters.parse({ estimate: parameters }).estimate ?? defaultEstimate;

describe('a picture', () => {
  const picture = (width: number, height: number) =>
    ({ kind: 'image', pixels: { width, height } }) as const;
  test.each([
    ['640 by 360 pixels of which nothing is known', { kind: 'image' } as const, {}, 225],
    ['its pixels by 1024', picture(1024, 1000), {}, 1000],
    ['at least one token', picture(10, 10), {}, 1],
    ['another factor', picture(1024, 1000), { image: { dynamic: { factor: 2048 } } }, 500],
    [
      'another size where it is not known',
      { kind: 'image' } as const,
      { image: { defaultResolution: { width: 1024, height: 100 } } },
      100,
    ],
    [
      'the same as all others',
      picture(1024, 1000),
      { image: { mode: 'static', static: { staticToken: 256 } } },
      256,
    ],
  ])('takes %s', (_, item, parameters, expected) => {
    expect(estimateMediaTokens(item, {}, estimateBy(parameters))).toBe(expected);
  });
});

describe('a film', () => {
  const qwen = { frames: { sampled: { temporalPatchSize: 2 } } };
  const gemma = {
    tokensPerFrame: { mode: 'static', static: { numTokensPerFrame: 66 } },
    frames: { mode: 'strided', strided: { frameStride: 24 }, maxFrames: 32 },
  };
  test.each([
    ['ten seconds at two frames of 225 tokens', {}, {}, 4500],
    ['as long as the client says', {}, { seconds: 3 }, 1350],
    ['frames as large as the client says', {}, { frame: { width: 1024, height: 1 } }, 20],
    ['frame pairs', qwen, { seconds: 4 }, 900],
    ['one frame in a second', gemma, {}, 660],
    ['one frame in a second of a film that the client knows', gemma, { framesPerSecond: 48 }, 1320],
    ['no more frames than it may', gemma, { seconds: 3600 }, 2112],
    ['no fewer frames than it must', { frames: { minFrames: 8 } }, { seconds: 1 }, 1800],
    ['no more tokens than it may', { maxVideoTokens: 1000 }, {}, 1000],
    ['at least one token', {}, { seconds: 0.1 }, 1],
  ])('takes %s', (_, video, facts, expected) => {
    expect(estimateMediaTokens({ kind: 'video' }, facts, estimateBy({ video }))).toBe(expected);
  });

  test('is described by headers, as far as they make sense', () => {
    const facts = (...entries: [string, string][]) => videoFactsOf(new Map(entries));
    expect(
      facts(
        ['x-llm-d-video-fps', '29.97'],
        ['x-llm-d-video-duration-seconds', '12.5'],
        ['x-llm-d-video-resolution', ' 1280X720 '],
      ),
    ).toEqual({ framesPerSecond: 29.97, seconds: 12.5, frame: { width: 1280, height: 720 } });
    expect(
      facts(
        ['x-llm-d-video-fps', '-1'],
        ['x-llm-d-video-duration-seconds', 'long'],
        ['x-llm-d-video-resolution', '1280x'],
      ),
    ).toEqual({});
  });
});

test('a sound takes one token', () => {
  expect(estimateMediaTokens({ kind: 'audio' }, {}, defaultEstimate)).toBe(1);
});
