// SPDX-License-Identifier: Apache-2.0
import { type KvWalkedRow, type MemoryKvBlockIndex, walkKvRows } from '@llm-d/kv-index';
import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';

export interface DumpOptions {
  /** Only blocks that this pod has. */
  readonly pod: string | undefined;
  /** Most blocks. */
  readonly limit: number;
  /** Ends the dump. */
  readonly signal: AbortSignal;
}

/** Text that is collected before it is handed on. */
const CHUNK_CHARS = 64 * 1024;

/**
 * The blocks of an index as lines of JSON, each with the request key as a decimal number in a string and with those who
 * have it; the last line says how many they were, and whether there are more. At the reader's pace.
 */
export function dumpBlocks(
  { rows }: Pick<MemoryKvBlockIndex, 'rows'>,
  options: DumpOptions,
): Readable {
  const stream = new PassThrough();
  void write(stream, rows, options).catch((error: unknown) => {
    stream.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  return stream;
}

async function write(
  stream: PassThrough,
  rows: MemoryKvBlockIndex['rows'],
  { pod, limit, signal }: DumpOptions,
): Promise<void> {
  let blocks = 0;
  let truncated = false;
  let text = '';
  const visit = (row: KvWalkedRow): boolean | Promise<boolean> => {
    if (pod !== undefined && !row.owners.some(({ holder }) => holder.source.pod === pod))
      return true;
    if (blocks === limit) {
      truncated = true;
      return false;
    }
    blocks++;
    text += lineOf(row);
    if (text.length < CHUNK_CHARS) return true;
    const chunk = text;
    text = '';
    return stream.write(chunk) || once(stream, 'drain', { signal }).then(() => true);
  };
  await walkKvRows(rows, visit, signal);
  stream.end(`${text}${JSON.stringify({ blocks, truncated })}\n`);
}

function lineOf({ low, high, owners }: KvWalkedRow): string {
  const key = ((BigInt(high) << 32n) | BigInt(low)).toString();
  const list = owners.map(({ holder, tier, group }) => {
    const { pod, dpRank, model } = holder.source;
    return { pod, dp_rank: dpRank, model, tier, group };
  });
  return `${JSON.stringify({ block_hash: key, owners: list })}\n`;
}
