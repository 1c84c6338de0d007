// SPDX-License-Identifier: Apache-2.0
import type { Logger } from '@llm-d/telemetry';
import { createHash } from 'node:crypto';
import type { KvSnapshot, KvSnapshotStore } from '../kv-bus.ts';

/** How many are kept: the one before the newest stands in when the newest is damaged. */
export const KEPT_SNAPSHOTS = 2;

/** Newest first: the one taken last, and of two taken at once the one that has more. */
export const newestFirst = (a: Omit<KvSnapshot, 'bytes'>, b: Omit<KvSnapshot, 'bytes'>): number =>
  b.takenMs - a.takenMs || b.position - a.position;

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Snapshots in this process. Bytes given to `save` belong to it; those that `load` gives are the same. */
export function createLocalSnapshots(logger: Logger): KvSnapshotStore {
  let kept: { readonly snapshot: KvSnapshot; readonly digest: string }[] = [];
  return {
    save: (snapshot, signal) =>
      new Promise((resolve) => {
        signal.throwIfAborted();
        kept = [...kept, { snapshot, digest: digestOf(snapshot.bytes) }]
          .sort((a, b) => newestFirst(a.snapshot, b.snapshot))
          .slice(0, KEPT_SNAPSHOTS);
        resolve();
      }),
    load: (signal) =>
      new Promise((resolve) => {
        signal.throwIfAborted();
        const whole = kept.find(({ snapshot, digest }) => {
          if (digestOf(snapshot.bytes) === digest) return true;
          const { position, takenMs } = snapshot;
          logger.error('a snapshot is damaged and passed over', { position, takenMs });
          return false;
        });
        resolve(whole?.snapshot);
      }),
  };
}
