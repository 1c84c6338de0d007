import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  callHeaders,
  dataFrame,
  frame,
  headersFrame,
  RawPeer,
  settingsAck,
  settingsFrame,
} from '../raw-peer.testing.ts';
import { clientPreface, ErrorCode, Flag, FrameType, SettingId } from './protocol.ts';

const streamId = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.nat(2 ** 31 - 1));
const anyFrame = fc
  .tuple(
    fc.integer({ min: 0, max: 11 }),
    fc.integer({ min: 0, max: 255 }),
    streamId,
    fc.uint8Array({ maxLength: 60 }),
  )
  .map(([type, flags, id, payload]) => frame(type, flags, id, payload));

const lowId = fc.constantFrom(1, 3, 5, 7);
const paths = fc.constantFrom('/t/Echo', '/t/Hold', '/t/Pause', '/t/Nothing');
const soundFrame = fc.oneof(
  fc
    .tuple(lowId, paths, fc.boolean())
    .map(([id, path, end]) =>
      headersFrame(id, callHeaders(path), Flag.endHeaders | (end ? Flag.endStream : 0)),
    ),
  fc
    .tuple(lowId, fc.nat(30_000), fc.boolean())
    .map(([id, size, end]) =>
      dataFrame(id, Buffer.alloc(Math.min(size, 16_000)), end ? Flag.endStream : 0),
    ),
  fc
    .tuple(lowId, fc.constantFrom(0, 2, 8))
    .map(([id, code]) => frame(FrameType.rstStream, 0, id, `0000000${code}`)),
  fc
    .tuple(fc.constantFrom(0, 1, 3, 5, 7), fc.integer({ min: 1, max: 100_000 }))
    .map(([id, increment]) => {
      const payload = Buffer.alloc(4);
      payload.writeUInt32BE(increment);
      return frame(FrameType.windowUpdate, 0, id, payload);
    }),
  fc.nat(100_000).map((window) => settingsFrame([SettingId.initialWindowSize, window])),
  fc.constant(frame(FrameType.ping, 0, 0, '0000000000000000')),
);

/** The byte at a place, by proportion, replaced, removed or doubled. */
const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  octet: fc.nat(255),
  how: fc.constantFrom('replace', 'remove', 'insert'),
});
const mutate = (
  bytes: Buffer,
  { at, octet, how }: { at: number; octet: number; how: string },
): Buffer => {
  const place = Math.floor(at * bytes.length);
  const tail = bytes.subarray(how === 'insert' ? place : place + 1);
  return Buffer.concat([
    bytes.subarray(0, place),
    how === 'remove' ? Buffer.alloc(0) : Buffer.of(octet),
    tail,
  ]);
};
const chunks = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );

/** Whatever came: nothing of ours failed, and when the client is gone nothing is left. */
async function expectNothingLeft(peer: RawPeer): Promise<void> {
  expect(peer.closed?.error?.errorCode).not.toBe(ErrorCode.internalError);
  if (peer.goaway !== undefined) expect(peer.connection.streamCount).toBe(0);
  peer.hangUp();
  await peer.settle();
  for (let second = 0; second < 4; second++) peer.clock.advance(1_000);
  await peer.settle();
  expect(peer.connection.streamCount).toBe(0);
  expect(peer.clock.pendingTimers).toBe(0);
  expect(peer.closed).toBeDefined();
  expect(peer.closed?.error?.errorCode).not.toBe(ErrorCode.internalError);
}

const opening = Buffer.concat([clientPreface, settingsFrame(), settingsAck]);

describe('no bytes make the server fail or leave anything behind:', { timeout: 60_000 }, () => {
  test('random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, opened) => {
        const peer = new RawPeer();
        await peer.send(...(opened ? [opening] : []), bytes);
        await expectNothingLeft(peer);
      }),
      { numRuns: 150 },
    );
  });

  test('random frames among sound ones', async () => {
    const frames = fc.array(fc.oneof({ weight: 5, arbitrary: soundFrame }, anyFrame), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 20_000 }), async (some, size) => {
        const peer = new RawPeer();
        for (const chunk of chunks(Buffer.concat([opening, ...some]), size).slice(0, 50))
          await peer.send(chunk);
        await expectNothingLeft(peer);
      }),
      { numRuns: 250 },
    );
  });

  test('sound conversations with a few octets changed', async () => {
    const frames = fc.array(soundFrame, { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(frames, fc.array(mutation, { maxLength: 4 }), async (some, mutations) => {
        const peer = new RawPeer();
        await peer.send(mutations.reduce(mutate, Buffer.concat([opening, ...some])));
        await expectNothingLeft(peer);
      }),
      { numRuns: 250 },
    );
  });
});
