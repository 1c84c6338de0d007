// SPDX-License-Identifier: Apache-2.0
import { type KvEventSource, KvSnapshotError } from '@llm-d/kv-index';
import { crc32 } from 'node:zlib';
import type { KvSourceCursor } from '../source-table.ts';

/** Digits of the checksum before the list. */
const CHECKSUM_DIGITS = 8;

/** Cursors as JSON behind their CRC-32, filled up to a multiple of four bytes. */
export function writeCursors(cursors: readonly KvSourceCursor[]): Buffer {
  const json = JSON.stringify(cursors);
  const list = json + ' '.repeat(-Buffer.byteLength(json) & 3);
  return Buffer.from(checksumOf(list) + list);
}

/** The cursors in these bytes. Throws `KvSnapshotError`. */
export function readCursors(bytes: Uint8Array): readonly KvSourceCursor[] {
  const text = Buffer.from(bytes).toString();
  const list = text.slice(CHECKSUM_DIGITS);
  if (text.slice(0, CHECKSUM_DIGITS) !== checksumOf(list)) {
    throw new KvSnapshotError('KV_SNAPSHOT_CHECKSUM', 'the cursors of the snapshot are damaged');
  }
  const value: unknown = JSON.parse(list);
  if (Array.isArray(value) && value.every(isCursor)) return value;
  throw new KvSnapshotError('KV_SNAPSHOT_CONTENT', 'the snapshot has cursors of another kind');
}

const checksumOf = (list: string): string =>
  crc32(list).toString(16).padStart(CHECKSUM_DIGITS, '0');

function isCursor(value: unknown): value is KvSourceCursor {
  if (!isObject(value)) return false;
  const { source, sequence, lost, heardMs, isIncomplete } = value;
  const areNumbers = [sequence, lost, heardMs].every((item) => typeof item === 'number');
  return areNumbers && typeof isIncomplete === 'boolean' && isSource(source);
}

function isSource(value: unknown): value is KvEventSource {
  if (!isObject(value)) return false;
  const { pod, model, epoch, dpRank } = value;
  const areTexts = [pod, model, epoch].every((item) => typeof item === 'string');
  return areTexts && typeof dpRank === 'number';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
