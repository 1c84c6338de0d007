// SPDX-License-Identifier: Apache-2.0
import {
  type KvBus,
  type KvBusPosition,
  type FollowedIndex,
  restoreFollowed,
} from '@llm-d/kv-events';
import {
  KvSnapshotError,
  type MemoryKvBlockIndexOptions,
  createMemoryKvBlockIndex,
} from '@llm-d/kv-index';
import type { Logger } from '@llm-d/telemetry';

/** An index to begin with. */
export interface WarmIndex extends FollowedIndex {
  /** Up to where it has everything; undefined where nothing was there to begin with. */
  readonly position: KvBusPosition | undefined;
  /** When its snapshot was taken; undefined without one. */
  readonly takenMs: number | undefined;
}

/**
 * The index of the bus's newest snapshot. Empty where there is none, or none that can be used, which is said in the log:
 * then everything that the bus still has is read. Rejects when the bus does not answer.
 */
export async function loadWarmIndex(
  bus: Pick<KvBus, 'snapshots'>,
  options: MemoryKvBlockIndexOptions,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<WarmIndex> {
  const cold = (): WarmIndex => ({
    index: createMemoryKvBlockIndex(options),
    cursors: [],
    position: undefined,
    takenMs: undefined,
  });
  const snapshot = await bus.snapshots.load(signal);
  if (snapshot === undefined) {
    logger.info('there is no snapshot: everything that the bus has is read');
    return cold();
  }
  const { position, takenMs, bytes } = snapshot;
  try {
    const followed = await restoreFollowed(bytes, options);
    const { blocks, copies } = followed.index.stats();
    logger.info('began with a snapshot', { position, takenMs, blocks, copies });
    return { ...followed, position, takenMs };
  } catch (error) {
    if (!(error instanceof KvSnapshotError)) throw error;
    logger.error('the snapshot cannot be used: everything that the bus has is read', {
      ...{ position, takenMs, error },
    });
    return cold();
  }
}
