// SPDX-License-Identifier: Apache-2.0

/** What is wrong with bytes that should be a snapshot of an index. */
export type KvSnapshotErrorCode =
  /** Something else altogether. */
  | 'KV_SNAPSHOT_FOREIGN'
  /** Written by a version whose format is another. */
  | 'KV_SNAPSHOT_VERSION'
  /** Written on a machine that orders bytes in the other way. */
  | 'KV_SNAPSHOT_BYTE_ORDER'
  /** Its end is missing. */
  | 'KV_SNAPSHOT_CUT_SHORT'
  /** Bytes were changed. */
  | 'KV_SNAPSHOT_CHECKSUM'
  /** Whole, and yet it says what no index says. */
  | 'KV_SNAPSHOT_CONTENT'
  /** Of an index with another block size, hash or seed: its keys mean nothing here. */
  | 'KV_SNAPSHOT_OPTIONS';

/** Bytes from which no index can be made. Nothing of them was taken over. */
export class KvSnapshotError extends Error {
  readonly code: KvSnapshotErrorCode;

  constructor(code: KvSnapshotErrorCode, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = 'KvSnapshotError';
    this.code = code;
  }
}
