import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from 'node:zlib';
import { BatchBuilder } from '../testing/batch-builder.ts';
import { createMemoryKvBlockIndex } from './memory-index.ts';
import { restoreMemoryKvBlockIndex } from './restore.ts';
import { HEAD_BYTES } from './snapshot-format.ts';

const options = { blockSizeTokens: 2, hashSeed: 'seed' };
const source = { pod: 'a', dpRank: 0, model: 'm', epoch: '1' };

async function snapshot(): Promise<Buffer> {
  const index = createMemoryKvBlockIndex(options);
  const batch = new BatchBuilder().stored({ hashes: [1n, 2n], tokens: [1, 2, 3, 4] });
  index.apply(batch.build(), source);
  const chunks: Uint8Array[] = [];
  for await (const chunk of index.snapshot()) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const whole = await snapshot();

/** The snapshot with these words changed, and with a checksum that says so. */
function rewritten(...changes: readonly (readonly [at: number, value: number])[]): Buffer {
  const bytes = Buffer.from(whole);
  for (const [at, value] of changes) bytes.writeUInt32LE(value, at < 0 ? bytes.length + at : at);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
  return bytes;
}
/** Kind, holder and words of the only section, and where its entries begin. */
const sectionAt = whole.length - 16 - 40 - 12;

test.each([
  ['nothing', Buffer.alloc(0), 'KV_SNAPSHOT_FOREIGN', 'no snapshot'],
  ['another file', Buffer.from('PK\x03\x04 and so on'), 'KV_SNAPSHOT_FOREIGN', 'no snapshot'],
  ['its first bytes alone', whole.subarray(0, 12), 'KV_SNAPSHOT_CUT_SHORT', 'after 12 bytes'],
  ['half of it', whole.subarray(0, whole.length / 2), 'KV_SNAPSHOT_CUT_SHORT', 'ends too early'],
  ['all but its end', whole.subarray(0, -16), 'KV_SNAPSHOT_CUT_SHORT', 'ends too early'],
  ['a later format', rewritten([8, 2]), 'KV_SNAPSHOT_VERSION', 'format 2, this program reads 1'],
  ['a big-endian one', rewritten([12, 0x04030201]), 'KV_SNAPSHOT_BYTE_ORDER', 'byte order'],
  ['one with a tail', Buffer.concat([whole, Buffer.alloc(4)]), 'KV_SNAPSHOT_CONTENT', '4 bytes'],
  ['no directory', rewritten([HEAD_BYTES, 0]), 'KV_SNAPSHOT_CONTENT', 'no directory'],
  ['an unknown section', rewritten([sectionAt, 9]), 'KV_SNAPSHOT_CONTENT', 'of kind 9'],
  ['an unknown holder', rewritten([sectionAt + 4, 9]), 'KV_SNAPSHOT_CONTENT', 'of holder 9'],
  ['an unknown plane', rewritten([sectionAt + 28, 0x10003]), 'KV_SNAPSHOT_CONTENT', 'in no plane'],
  ['an entry without copies', rewritten([sectionAt + 28, 0]), 'KV_SNAPSHOT_CONTENT', 'in no plane'],
  ['begun blocks that are none', rewritten([sectionAt, 3]), 'KV_SNAPSHOT_CONTENT', 'begun blocks'],
])('%s: an error that says so', async (_, bytes, code, message) => {
  const error: unknown = await restoreMemoryKvBlockIndex(bytes, options).catch((e: unknown) => e);
  expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
});

test.each([
  [{ ...options, blockSizeTokens: 4 }, 'blockSizeTokens 2, this one has 4'],
  [{ ...options, algorithm: 'xxh64' as const }, '"cbor-fnv", this one has "xxh64"'],
  [{ ...options, hashSeed: '' }, 'hashSeed "seed", this one has ""'],
])('an index of other keys is not taken over: %j', async (others, message) => {
  await expect(restoreMemoryKvBlockIndex(whole, others)).rejects.toMatchObject({
    code: 'KV_SNAPSHOT_OPTIONS',
    message: expect.stringContaining(message) as string,
  });
});

test('one changed byte is noticed wherever it is, and so is a missing end', async () => {
  const positions = fc.integer({ min: 0, max: whole.length - 1 });
  await fc.assert(
    fc.asyncProperty(positions, fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ change;
      const code = expect.stringMatching(/^KV_SNAPSHOT_/) as string;
      await expect(restoreMemoryKvBlockIndex(damaged, options)).rejects.toMatchObject({ code });
      const short = whole.subarray(0, at);
      await expect(restoreMemoryKvBlockIndex(short, options)).rejects.toMatchObject({ code });
    }),
    { numRuns: 500 },
  );
});

test('bytes may begin anywhere in their memory', async () => {
  const shifted = Buffer.concat([Buffer.alloc(1), whole]).subarray(1);
  const index = await restoreMemoryKvBlockIndex(shifted, options);
  expect(index.stats()).toMatchObject({ blocks: 2, copies: 2 });
});
