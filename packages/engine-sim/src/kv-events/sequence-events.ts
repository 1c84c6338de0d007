// SPDX-License-Identifier: Apache-2.0
import type { MediaItem } from '../request.ts';
import type { Sequence } from '../sequence.ts';
import { blockHashes, highHalf, lowHalf } from './block-hash.ts';
import type { ExtraKey, KvRemovedEvent, KvStoredEvent } from './kv-event.ts';

/** Blocks `from` to `to` (exclusive) of a sequence. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
  readonly blockSizeTokens: number;
}

/** The event of storing these blocks of the sequence in the cache `medium`. */
export function storedEvent(sequence: Sequence, range: BlockRange, medium: string): KvStoredEvent {
  const { from, to, blockSizeTokens } = range;
  const { request, loraId } = sequence.plan;
  return {
    kind: 'stored',
    hashes: blockHashes(sequence.keys, from, to),
    parent: from === 0 ? null : hashPair(sequence.keys[from - 1] ?? 0),
    tokens: tokensBetween(sequence, from * blockSizeTokens, to * blockSizeTokens),
    blockSizeTokens,
    medium,
    loraId,
    loraName: request.lora ?? null,
    extraKeys: extraKeysOf(sequence, range),
    groupIndex: 0,
    specKind: 'full_attention',
    slidingWindowTokens: null,
    sessionId: request.sessionId ?? null,
    cacheSalt: request.cacheSalt ?? null,
  };
}

/** The event of a copy in an offload tier by an engine that remembers no more of a block than its hash. */
export function placeholderEvent(key: number, medium: string): KvStoredEvent {
  return {
    kind: 'stored',
    hashes: hashPair(key),
    parent: null,
    tokens: NO_TOKENS,
    blockSizeTokens: 0,
    medium,
    loraId: null,
    loraName: null,
    extraKeys: null,
    groupIndex: 0,
    specKind: null,
    slidingWindowTokens: null,
  };
}

/** The event of giving up a copy of each block. */
export function removedEvent(keys: readonly number[], medium: string): KvRemovedEvent {
  const [first] = keys;
  const isOne = keys.length === 1 && first !== undefined;
  const hashes = isOne ? hashPair(first) : keys.flatMap(hashPair);
  return { kind: 'removed', hashes, medium, groupIndex: 0 };
}

const NO_TOKENS = new Uint32Array(0);

function hashPair(key: number): [number, number] {
  return [lowHalf(key), highHalf(key)];
}

/** Tokens `start` to `end` (exclusive) of prompt and answer put together. */
function tokensBetween(sequence: Sequence, start: number, end: number): Uint32Array {
  const prompt = sequence.plan.request.promptTokens;
  const tokens = new Uint32Array(end - start);
  if (start < prompt.length) tokens.set(prompt.subarray(start, end));
  if (end > prompt.length) {
    const first = Math.max(start, prompt.length);
    tokens.set(
      sequence.plan.output.subarray(first - prompt.length, end - prompt.length),
      first - start,
    );
  }
  return tokens;
}

function extraKeysOf(
  sequence: Sequence,
  { from, to, blockSizeTokens }: BlockRange,
): (readonly ExtraKey[] | null)[] {
  const { lora, cacheSalt, media = [] } = sequence.plan.request;
  if (lora === undefined && cacheSalt === undefined && media.length === 0) {
    return new Array<null>(to - from).fill(null);
  }
  const names = lora === undefined ? [] : [lora];
  return Array.from({ length: to - from }, (_, i) => {
    const start = (from + i) * blockSizeTokens;
    const inBlock = mediaBetween(media, start, start + blockSizeTokens);
    const salt = start === 0 && cacheSalt !== undefined ? [cacheSalt] : [];
    const keys: ExtraKey[] = [...names, ...inBlock, ...salt];
    return keys.length === 0 ? null : keys;
  });
}

function mediaBetween(media: readonly MediaItem[], start: number, end: number): ExtraKey[] {
  return media
    .filter((item) => item.startToken < end && item.startToken + item.lengthTokens > start)
    .map((item) => [item.identifier, item.startToken - start]);
}
