import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader } from './frame-reader.ts';
import { Flag, FrameType } from './protocol.ts';

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const wire = ({ type, flags, streamId, payload }: Frame): Buffer => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
};

/** The bytes in pieces that end where `cuts` say. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

const frame: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom(FrameType.data, FrameType.headers, FrameType.ping),
  flags: fc.constantFrom(0, Flag.endStream, Flag.padded),
  streamId: fc.integer({ min: 1, max: 9 }),
  payload: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
});

test('DATA that several reads share is given in pieces, and only the last one ends the stream', () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      (frames, cuts) => {
        const seen: Frame[] = [];
        const reader = new FrameReader(
          { maxFrameSize: 16_384, splitsData: true },
          (type, flags, streamId, payload) => {
            seen.push({ type, flags, streamId, payload: Buffer.from(payload) });
            return true;
          },
        );
        for (const piece of pieces(Buffer.concat(frames.map(wire)), cuts)) reader.push(piece);
        expect(joined(seen, frames)).toEqual(frames);
      },
    ),
  );
});

/** Pieces put together again: as many of them as each of the frames needs. */
function joined(seen: readonly Frame[], frames: readonly Frame[]): Frame[] {
  let at = 0;
  return frames.map(({ payload: { length } }) => {
    const parts: Frame[] = [];
    let bytes = 0;
    do {
      const part = seen[at++];
      if (part === undefined) throw new Error('bytes are missing');
      parts.push(part);
      bytes += part.payload.length;
    } while (bytes < length);
    const last = parts.at(-1) as Frame;
    for (const part of parts.slice(0, -1)) expect(part.flags & Flag.endStream).toBe(0);
    return { ...last, payload: Buffer.concat(parts.map(({ payload }) => payload)) };
  });
}
