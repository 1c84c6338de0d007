// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '@llm-d/telemetry';
import { JetStreamApiCodes, JetStreamApiError, type JetStreamClient } from '@nats-io/jetstream';
import { Objm, StorageType, type ObjectInfo, type ObjectStore } from '@nats-io/obj';
import { KEPT_SNAPSHOTS, newestFirst } from '../bus/local-snapshots.ts';
import type { KvSnapshot, KvSnapshotStore } from '../kv-bus.ts';

export interface NatsSnapshotOptions {
  readonly js: JetStreamClient;
  readonly bucket: string;
  readonly storage: 'file' | 'memory';
  readonly replicas: number;
  /** Longest that a load waits for the next piece before it takes the snapshot for damaged. */
  readonly stallMs: number;
  readonly logger: Logger;
}

const CHUNK_BYTES = 128 * 1024;
const TRIES = 5;

/** What is known of a snapshot without reading it, and where it lies. */
interface Slot {
  readonly name: string;
  /** 0 while nothing was ever there. */
  readonly revision: number;
  readonly info: ObjectInfo | undefined;
  readonly position: number;
  readonly takenMs: number;
}

/**
 * Snapshots as objects of a bucket, which cuts them in pieces and checks their SHA-256. There are as many objects as
 * snapshots are kept; the oldest is written over, and stays whole until the new one is.
 */
export function createNatsSnapshots(options: NatsSnapshotOptions): KvSnapshotStore {
  let opened: Promise<ObjectStore> | undefined;
  const open = (): Promise<ObjectStore> => {
    opened ??= openBucket(options).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    save: async (snapshot, signal) => {
      signal.throwIfAborted();
      await save(await open(), snapshot, signal);
    },
    load: async (signal) => {
      signal.throwIfAborted();
      return load(await open(), options, signal);
    },
  };
}

const openBucket = ({ js, bucket, storage, replicas }: NatsSnapshotOptions): Promise<ObjectStore> =>
  new Objm(js).create(bucket, {
    description: 'Snapshots of KV cache indexes',
    storage: storage === 'file' ? StorageType.File : StorageType.Memory,
    replicas,
  });

async function save(bucket: ObjectStore, snapshot: KvSnapshot, signal: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    const slots = await readSlots(bucket);
    const oldest = slots.at(-1);
    // Two that are newer were saved meanwhile.
    if (oldest === undefined || newestFirst(snapshot, oldest) > 0) return;
    const { position, takenMs, bytes } = snapshot;
    try {
      const metadata = { position: `${position}`, takenMs: `${takenMs}` };
      await bucket.put(
        { name: oldest.name, metadata, options: { max_chunk_size: CHUNK_BYTES } },
        streamOf(bytes, signal),
        // Of two who write over the same one the second is refused, and leaves nothing behind.
        { previousRevision: oldest.revision },
      );
      return;
    } catch (error) {
      if (!isTaken(error) || tries === TRIES) throw error;
    }
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamWrongLastSequence;

/** Newest first; those where nothing is come last. */
async function readSlots(bucket: ObjectStore): Promise<readonly Slot[]> {
  const names = Array.from({ length: KEPT_SNAPSHOTS }, (_, i) => `snapshot-${i}`);
  const slots = await Promise.all(names.map((name) => readSlot(bucket, name)));
  return slots.sort(newestFirst);
}

async function readSlot(bucket: ObjectStore, name: string): Promise<Slot> {
  const found = (await bucket.info(name)) ?? undefined;
  const revision = found?.revision ?? 0;
  if (found === undefined || found.deleted) {
    return { name, revision, info: undefined, position: -Infinity, takenMs: -Infinity };
  }
  const { position, takenMs } = found.metadata ?? {};
  return { name, revision, info: found, position: Number(position), takenMs: Number(takenMs) };
}

/** In pieces, so that nothing is copied as a whole; ends badly when the signal fires. */
function streamOf(bytes: Uint8Array, signal: AbortSignal): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (signal.aborted) controller.error(signal.reason);
      else if (offset >= bytes.byteLength) controller.close();
      else controller.enqueue(bytes.subarray(offset, (offset += CHUNK_BYTES)));
    },
  });
}

async function load(
  bucket: ObjectStore,
  { logger, stallMs }: NatsSnapshotOptions,
  signal: AbortSignal,
): Promise<KvSnapshot | undefined> {
  for (const { name, info, position, takenMs } of await readSlots(bucket)) {
    if (info === undefined) continue;
    try {
      const bytes = await readObject(bucket, { name, size: info.size, stallMs, signal });
      if (Number.isSafeInteger(position) && Number.isFinite(takenMs)) {
        return { position, takenMs, bytes };
      }
      throw new Error('it does not say what it is');
    } catch (error) {
      signal.throwIfAborted();
      logger.error('a snapshot is damaged and passed over', { error, position, takenMs });
    }
  }
  return undefined;
}

interface ReadObjectOptions {
  readonly name: string;
  readonly size: number;
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

async function readObject(
  bucket: ObjectStore,
  { name, size, stallMs, signal }: ReadObjectOptions,
): Promise<Uint8Array> {
  const result = await bucket.get(name);
  if (result === null) throw new Error('it vanished');
  // The stream tells the same.
  result.error.catch(() => undefined);
  const bytes = new Uint8Array(size);
  let length = 0;
  const reader = result.data.getReader();
  try {
    for (;;) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(stallMs)]);
      const { done, value } = await unlessAborted(reader.read(), limit);
      if (done) break;
      if (length + value.byteLength > size) throw new Error('it is longer than it says');
      bytes.set(value, length);
      length += value.byteLength;
    }
  } catch (error) {
    void reader.cancel().catch(() => undefined);
    throw error;
  }
  if (length < size) throw new Error('it is shorter than it says');
  return bytes;
}

/** Where pieces are missing the client waits for them for good. */
function unlessAborted<T>(answer: Promise<T>, limit: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new Error('the rest of it does not come', { cause: limit.reason }));
    };
    if (limit.aborted) abort();
    limit.addEventListener('abort', abort);
    answer.then(resolve, reject).finally(() => {
      limit.removeEventListener('abort', abort);
    });
  });
}
