// SPDX-License-Identifier: Apache-2.0
import type { BlockStoredEvent, KvEventBatch } from '../kv-event-batch.ts';
import type { BlockExtras } from '../request-key-hasher.ts';
import type { Holder } from './holder.ts';

/** Where in tokens and hashes the whole blocks of an event are, and what they continue. */
export interface AlignedBlocks {
  readonly tokens: Uint32Array;
  readonly range: { readonly start: number; readonly end: number };
  readonly hashes: Uint32Array;
  readonly hashStart: number;
  /** One list for each block of the index. */
  readonly extras: BlockExtras | null;
  /** Request key before the first block; both 0 at the beginning of a prompt. */
  readonly parent: { readonly low: number; readonly high: number };
  /** Extra keys of the engine blocks after the last whole block. */
  readonly restExtras: readonly (readonly string[] | null)[];
}

export interface AlignmentOptions {
  readonly holder: Holder;
  readonly blockSizeTokens: number;
  /** Engine blocks that make one block of the index; 1 also where the engine's are larger. */
  readonly enginePerBlock: number;
}

const NONE = { low: 0, high: 0 };

/**
 * Cuts an event into blocks of the index. Where the engine's blocks are smaller, those that do not fill a block wait
 * for the events that continue them. Undefined if the parent is unknown.
 */
export function alignBlocks(
  batch: KvEventBatch,
  event: BlockStoredEvent,
  options: AlignmentOptions,
): AlignedBlocks | undefined {
  const { holder, enginePerBlock } = options;
  const extras = withoutAdapter(event);
  const parent = parentKey(event, holder, enginePerBlock);
  if (enginePerBlock > 1) return alignSmall(batch, event, { ...options, parent, extras });
  if (parent === undefined) return undefined;
  const perEngine = event.blockSizeTokens / options.blockSizeTokens;
  return {
    tokens: batch.tokens,
    range: { start: event.tokenStart, end: event.tokenEnd },
    hashes: batch.hashes,
    hashStart: event.hashStart,
    extras: extras === null || perEngine === 1 ? extras : repeated(extras, perEngine),
    parent,
    restExtras: [],
  };
}

/** The request key that an event continues; undefined if it is unknown or in the middle of a block. */
function parentKey(event: BlockStoredEvent, holder: Holder, enginePerBlock: number) {
  if (!event.hasParent) return NONE;
  const { engine } = holder;
  let last = -1;
  for (let at = engine.first(event.parentLow, event.parentHigh); at >= 0; at = engine.next(at)) {
    if (last < 0 || engine.ordinal(at) > engine.ordinal(last)) last = at;
  }
  if (last < 0 || (enginePerBlock > 1 && engine.ordinal(last) !== enginePerBlock - 1)) {
    return undefined;
  }
  return { low: engine.keyLow(last), high: engine.keyHigh(last) };
}

/** Engines list the adapter's name first among a block's extra keys; the request key has it in place of the model. */
function withoutAdapter({ extraKeys, loraName }: BlockStoredEvent): BlockExtras | null {
  if (extraKeys === null || loraName === null) return extraKeys;
  return extraKeys.map((list) => (list?.[0] === loraName ? list.slice(1) : list));
}

const repeated = (extras: BlockExtras, times: number): BlockExtras =>
  extras.flatMap((list) => Array.from({ length: times }, () => list));

function alignSmall(
  batch: KvEventBatch,
  event: BlockStoredEvent,
  options: AlignmentOptions & {
    readonly parent: { readonly low: number; readonly high: number } | undefined;
    readonly extras: BlockExtras | null;
  },
): AlignedBlocks | undefined {
  const { holder, blockSizeTokens, enginePerBlock } = options;
  const begun =
    options.parent === undefined
      ? holder.partial.get(event.parentLow, event.parentHigh)
      : undefined;
  const parent = options.parent ?? begun?.parent;
  if (parent === undefined) return undefined;
  const tokens = joined(begun?.tokens, batch.tokens.subarray(event.tokenStart, event.tokenEnd));
  const own = batch.hashes.subarray(2 * event.hashStart, 2 * event.hashEnd);
  const hashes = joined(begun?.hashes, own);
  const blank = Array.from({ length: own.length / 2 }, () => null);
  const extras = [...(begun?.extras ?? []), ...(options.extras ?? blank)];
  const whole = Math.floor(tokens.length / blockSizeTokens);
  return {
    tokens,
    range: { start: 0, end: whole * blockSizeTokens },
    hashes,
    hashStart: 0,
    extras: merged(extras, whole, enginePerBlock),
    parent,
    restExtras: extras.slice(whole * enginePerBlock).map((list) => list ?? null),
  };
}

function joined(first: Uint32Array | undefined, second: Uint32Array): Uint32Array {
  if (first === undefined) return second.slice();
  const both = new Uint32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function merged(extras: BlockExtras, blocks: number, perBlock: number): BlockExtras | null {
  if (extras.every((list) => (list?.length ?? 0) === 0)) return null;
  return Array.from({ length: blocks }, (_, block) =>
    extras.slice(block * perBlock, (block + 1) * perBlock).flatMap((list) => list ?? []),
  );
}
