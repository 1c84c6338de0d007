import fc from 'fast-check';
import { expect, test } from 'vitest';
import { collected } from '../virtual-cluster.testing.ts';
import { linesOf } from './json-lines.ts';

async function* pieces(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].map((n) => n % (bytes.length + 1)).sort((a, b) => a - b)) {
    yield await Promise.resolve(bytes.subarray(from, cut));
    from = cut;
  }
  yield bytes.subarray(from);
}

test('lines are the same however their bytes arrive', async () => {
  const line = fc.json().map((text) => text.replaceAll('\n', ' ').trim());
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.array(fc.nat()),
      fc.boolean(),
      async (lines, cuts, ended) => {
        const text = lines.join('\r\n') + (ended ? '\n' : '');
        const read = await collected(linesOf(pieces(Buffer.from(text), cuts), 1_000_000));
        expect(read).toEqual(lines);
      },
    ),
  );
});

test('a line that does not end is given up', async () => {
  const endless = pieces(Buffer.from('x'.repeat(2000)), [500, 1000, 1500]);
  await expect(collected(linesOf(endless, 1000))).rejects.toThrow(RangeError);
});
