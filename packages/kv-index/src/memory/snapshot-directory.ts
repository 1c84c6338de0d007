// SPDX-License-Identifier: Apache-2.0
import type { MemoryKvBlockIndexOptions } from './memory-index.ts';
import { KvSnapshotError } from './snapshot-error.ts';
import type { SnapshotDirectory } from './snapshot-format.ts';

/** The directory in these bytes, if it is of an index whose keys mean the same. Throws {@link KvSnapshotError}. */
export function readDirectory(
  bytes: Uint8Array,
  { blockSizeTokens = 16, algorithm = 'cbor-fnv', hashSeed = '' }: MemoryKvBlockIndexOptions,
): SnapshotDirectory {
  const directory = parse(bytes);
  const expected = { blockSizeTokens, algorithm, hashSeed };
  for (const [name, value] of Object.entries(expected)) {
    const other: unknown = Reflect.get(directory, name);
    if (other === value) continue;
    throw new KvSnapshotError(
      'KV_SNAPSHOT_OPTIONS',
      `the snapshot is of an index with ${name} ${JSON.stringify(other)}, this one has ${JSON.stringify(value)}`,
    );
  }
  return directory;
}

function parse(bytes: Uint8Array): SnapshotDirectory {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    // The checksum was right: whatever reads as a directory was written as one.
    if (isDirectory(value)) return value;
  } catch (cause) {
    throw new KvSnapshotError('KV_SNAPSHOT_CONTENT', 'the snapshot has no directory', { cause });
  }
  throw new KvSnapshotError('KV_SNAPSHOT_CONTENT', 'the snapshot has another kind of directory');
}

const isDirectory = (value: unknown): value is SnapshotDirectory =>
  typeof value === 'object' &&
  value !== null &&
  ['tiers', 'planes', 'holders'].every((list) => Array.isArray(Reflect.get(value, list)));
