// SPDX-License-Identifier: Apache-2.0
import type { MediaItem } from '@llm-d/scheduler-core';
import type { EstimateParameters } from './token-producer-parameters.ts';

/** What a client says of the films in its request; a member that it does not say is absent. */
export interface VideoFacts {
  readonly seconds?: number;
  readonly framesPerSecond?: number;
  readonly frame?: { readonly width: number; readonly height: number };
}

/** What the `x-llm-d-video-*` headers say; values that make no sense count as not said. */
export function videoFactsOf(headers: ReadonlyMap<string, string>): VideoFacts {
  const positive = (name: string): number | undefined => {
    const value = Number(headers.get(name) ?? 0);
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const seconds = positive('x-llm-d-video-duration-seconds');
  const framesPerSecond = positive('x-llm-d-video-fps');
  const [, width = 0, height = 0] =
    /^\s*(\d+)\s*x\s*(\d+)\s*$/i.exec(headers.get('x-llm-d-video-resolution') ?? '') ?? [];
  const frame = { width: Number(width), height: Number(height) };
  return {
    ...(seconds !== undefined && { seconds }),
    ...(framesPerSecond !== undefined && { framesPerSecond }),
    ...(frame.width > 0 && frame.height > 0 && { frame }),
  };
}

/**
 * How many placeholder tokens an item takes, at least 1. Sounds take 1, for they have no parameters in
 * llm-d-router v0.10.0.
 */
export function estimateMediaTokens(
  item: Pick<MediaItem, 'kind' | 'pixels'>,
  facts: VideoFacts,
  estimate: EstimateParameters,
): number {
  switch (item.kind) {
    case 'image':
      return imageTokens(item.pixels, estimate.image);
    case 'video':
      return videoTokens(facts, estimate.video);
    case 'audio':
      return 1;
  }
}

function imageTokens(
  pixels: MediaItem['pixels'],
  { mode, defaultResolution, dynamic, static: fixed }: EstimateParameters['image'],
): number {
  if (mode === 'static') return fixed.staticToken;
  const { width, height } = pixels ?? defaultResolution;
  return atLeastOne((width * height) / dynamic.factor);
}

function videoTokens(facts: VideoFacts, video: EstimateParameters['video']): number {
  const { mode, dynamic, static: fixed } = video.tokensPerFrame;
  const { width, height } = facts.frame ?? video.defaultResolution;
  const perFrame =
    mode === 'static' ? fixed.numTokensPerFrame : atLeastOne((width * height) / dynamic.factor);
  const tokens = frameGroups(facts, video) * perFrame;
  return atLeastOne(video.maxVideoTokens > 0 ? Math.min(tokens, video.maxVideoTokens) : tokens);
}

function frameGroups(
  facts: VideoFacts,
  { frames, defaultDuration }: EstimateParameters['video'],
): number {
  const { mode, minFrames, maxFrames, sampled, strided } = frames;
  const seconds = facts.seconds ?? defaultDuration;
  const within = (count: number): number =>
    Math.min(Math.max(count, minFrames), maxFrames > 0 ? maxFrames : Infinity);
  if (mode === 'strided') {
    const inFilm = Math.floor(seconds * (facts.framesPerSecond ?? strided.defaultSourceFPS));
    return within(Math.floor(inFilm / strided.frameStride));
  }
  const taken = within(Math.floor(seconds * sampled.sampleFPS));
  return Math.floor(taken / sampled.temporalPatchSize);
}

const atLeastOne = (value: number): number => Math.max(1, Math.floor(value));
