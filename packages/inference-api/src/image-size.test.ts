import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readImageSize } from './image-size.ts';

const png = Buffer.from('89504e470d0a1a0a0000000d494844520000028000000168080200000000', 'hex');
const gif = Buffer.concat([Buffer.from('GIF89a'), Buffer.from('80026801', 'hex')]);
const frame = (marker: string) => Buffer.from(`ff${marker}0011080168028003`, 'hex');
const jpeg = (metadataBytes: number, marker = 'c2') => {
  const metadata = Buffer.alloc(metadataBytes + 2);
  metadata.writeUInt16BE(metadataBytes + 2);
  return Buffer.concat([
    Buffer.from('ffd8ffe1', 'hex'),
    metadata,
    Buffer.from('ff', 'hex'),
    frame(marker),
    Buffer.alloc(10),
  ]);
};
const base64 = (bytes: Buffer) => bytes.toString('base64');
const sizeOf = (value: string, cuts: readonly number[] = []) => {
  const body = Buffer.from(`{"x":"é","url":${value}}`);
  const start = body.indexOf(value);
  const edges = [0, ...cuts.filter((cut) => cut < body.length).sort((a, b) => a - b), body.length];
  const chunks = edges.slice(1).map((end, i) => body.subarray(edges[i], end));
  return readImageSize(chunks, { start, end: start + Buffer.byteLength(value) });
};
const expected = { width: 640, height: 360 };

test.each([
  ['a PNG', `"data:image/png;base64,${base64(png)}"`],
  ['a GIF', `"data:image/gif;base64,${base64(gif)}"`],
  ['a progressive JPEG', `"data:image/jpeg;base64,${base64(jpeg(20))}"`],
  ['a baseline JPEG', `"data:image/jpeg;base64,${base64(jpeg(20, 'c0'))}"`],
  ['a JPEG behind much metadata', `"data:image/jpeg;base64,${base64(jpeg(60_000))}"`],
  ['base64 alone', `"${base64(png)}"`],
  [
    'base64 with escaped slashes',
    `"data:image\\/png;base64,${base64(jpeg(20)).replaceAll('/', '\\/')}"`,
  ],
])('%s tells its size', (_, value) => {
  expect(sizeOf(value)).toEqual(expected);
});

test.each([
  ['elsewhere', '"https://example.com/base64.png"'],
  ['of another format', `"data:image/webp;base64,${base64(Buffer.from('RIFF....WEBP'))}"`],
  ['cut off', `"data:image/png;base64,${base64(png.subarray(0, 20))}"`],
  [
    'of no size',
    `"data:image/gif;base64,${base64(Buffer.concat([gif.subarray(0, 6), Buffer.alloc(4)]))}"`,
  ],
  ['a JPEG without a frame', `"data:image/jpeg;base64,${base64(jpeg(20, 'c4'))}"`],
  ['an empty string', '""'],
])('a picture that is %s does not', (_, value) => {
  expect(sizeOf(value)).toBeUndefined();
});

test('borders of chunks do not matter', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(200), { maxLength: 5 }), (cuts) => {
      expect(sizeOf(`"data:image/png;base64,${base64(png)}"`, cuts)).toEqual(expected);
    }),
  );
});

test('anything at all is looked over without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const value = `"data:image/jpeg;base64,${base64(Buffer.from([0xff, 0xd8, 0xff, ...bytes]))}"`;
      expect(() => sizeOf(value)).not.toThrow();
    }),
  );
});
