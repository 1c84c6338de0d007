// SPDX-License-Identifier: Apache-2.0
import {
  type KvIndexSnapshot,
  KvSnapshotError,
  type MemoryKvBlockIndex,
  type MemoryKvBlockIndexOptions,
  restoreMemoryKvBlockIndex,
} from '@llm-d/kv-index';
import { setImmediate } from 'node:timers/promises';
import type { KvSourceCursor } from '../source-table.ts';
import { readCursors, writeCursors } from './cursor-codec.ts';

/** An index and where its follower stood with each source, at the same moment. */
export interface FollowedIndex {
  readonly index: MemoryKvBlockIndex;
  /** For `createKvFollower`. */
  readonly cursors: readonly KvSourceCursor[];
}

/** Length of the cursors, in words before them. */
const HEAD_BYTES = 4;

/**
 * What a follower and its index know at the moment of the call, in one piece of bytes as a `KvSnapshotStore` takes it.
 * Batches may be applied while it is put together. Rejects with the signal's reason.
 */
export function snapshotFollowed(
  index: Pick<MemoryKvBlockIndex, 'snapshot'>,
  cursors: readonly KvSourceCursor[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  // Both in the turn of the call: what is applied later is in neither.
  const text = writeCursors(cursors);
  return collect(text, index.snapshot(), signal);
}

async function collect(
  text: Buffer,
  snapshot: KvIndexSnapshot,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(text.length);
  const chunks: Uint8Array[] = [head, text];
  // Leaving the loop, for whatever reason, ends the snapshot.
  for await (const chunk of snapshot) {
    signal.throwIfAborted();
    chunks.push(chunk);
  }
  return join(chunks, signal);
}

/** Puts chunks together in slices, and lets go of each: hundreds of megabytes in one turn would be felt. */
async function join(chunks: Uint8Array[], signal: AbortSignal): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
    bytes.set(chunk, at);
    at += chunk.length;
    await setImmediate();
    signal.throwIfAborted();
  }
  return bytes;
}

/**
 * What {@link snapshotFollowed} put together, as an index and the cursors for a follower of it. Rejects with
 * `KvSnapshotError` where the bytes are damaged, or of an index with other keys.
 */
export async function restoreFollowed(
  bytes: Uint8Array,
  options: MemoryKvBlockIndexOptions,
): Promise<FollowedIndex> {
  if (bytes.length < HEAD_BYTES) {
    throw new KvSnapshotError('KV_SNAPSHOT_FOREIGN', 'the bytes are no snapshot of an index');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const indexAt = HEAD_BYTES + view.getUint32(0, true);
  const index = await restoreMemoryKvBlockIndex(bytes.subarray(indexAt), options);
  return { index, cursors: readCursors(bytes.subarray(HEAD_BYTES, indexAt)) };
}
