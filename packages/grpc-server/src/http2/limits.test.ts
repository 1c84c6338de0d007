import { describe, expect, test } from 'vitest';
import { Status } from '../grpc/status.ts';
import type { GrpcStream } from '../grpc-server.ts';
import { encodeHeaders } from '../hpack/encoder.ts';
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

const reset = (streamId: number): Buffer => frame(FrameType.rstStream, 0, streamId, '00000008');
const ids = (count: number, from = 1): number[] =>
  Array.from({ length: count }, (_, i) => from + 2 * i);
const hold = (streamId: number): Buffer => headersFrame(streamId, callHeaders('/t/Hold'));
const ping = frame(FrameType.ping, 0, 0, '0011223344556677');
const windowUpdate = (streamId: number, increment: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(FrameType.windowUpdate, 0, streamId, payload);
};
const small = { burst: 5, perSecond: 1 };

describe('resets', () => {
  test('of answered streams are never too many', async () => {
    const peer = await new RawPeer({ limits: { rapidResets: small } }).handshake();
    for (const first of ids(100, 1).map((id) => id * 10)) {
      const batch = ids(10, first + 1);
      await peer.send(...batch.flatMap((id) => [headersFrame(id), dataFrame(id, 'x')]));
      await peer.send(...batch.map(reset));
    }
    expect(peer.goaway).toBeUndefined();
    expect(peer.closes.filter(({ reason }) => reason === 'reset')).toHaveLength(1000);
  });

  test('of old streams are never too many', async () => {
    const peer = await new RawPeer({ limits: { rapidResets: small } }).handshake();
    await peer.send(...ids(100).map(hold));
    peer.clock.advance(1_000);
    await peer.send(...ids(100).map(reset));
    expect(peer.goaway).toBeUndefined();
    expect(peer.closes).toHaveLength(100);
  });

  test('of young unanswered streams end the connection when they are too many', async () => {
    const peer = await new RawPeer({ limits: { rapidResets: small } }).handshake();
    await peer.send(...ids(5).flatMap((id) => [hold(id), reset(id)]));
    expect(peer.goaway).toBeUndefined();
    peer.clock.advance(2_000);
    await peer.send(...ids(2, 101).flatMap((id) => [hold(id), reset(id)]));
    expect(peer.goaway).toBeUndefined();
    await peer.send(hold(201), reset(201));
    expect(peer.goaway).toBe(ErrorCode.enhanceYourCalm);
  });
});

test('streams beyond the limit are refused, and there is room again when one ends', async () => {
  const peer = await new RawPeer({ limits: { maxConcurrentStreams: 2 } }).handshake();
  await peer.send(...ids(3).map(hold));
  expect(peer.resets(5)).toEqual([ErrorCode.refusedStream]);
  await peer.send(reset(1), headersFrame(7), dataFrame(7, 'x', Flag.endStream));
  expect(peer.closes.map(({ reason }) => reason)).toEqual(['reset', 'finished']);
});

describe('floods end the connection:', () => {
  const block = encodeHeaders(callHeaders());
  test.each<readonly [string, readonly Buffer[]]>([
    ['PING', Array.from({ length: 6 }, () => ping)],
    ['SETTINGS', Array.from({ length: 6 }, () => settingsFrame())],
    ['empty DATA', [hold(1), ...Array.from({ length: 6 }, () => frame(FrameType.data, 0, 1))]],
    ['PRIORITY', Array.from({ length: 6 }, () => frame(FrameType.priority, 0, 1, '0000000000'))],
    ['unknown frames', Array.from({ length: 6 }, () => frame(0x55, 0, 0))],
    ['malformed requests', ids(6).map((id) => headersFrame(id, []))],
    [
      'CONTINUATION, empty',
      [
        frame(FrameType.headers, 0, 1, block),
        ...Array.from({ length: 6 }, () => frame(FrameType.continuation, 0, 1)),
      ],
    ],
    [
      'CONTINUATION, large',
      [
        frame(FrameType.headers, 0, 1, block),
        ...Array.from({ length: 3 }, () =>
          frame(FrameType.continuation, 0, 1, Buffer.alloc(16_000)),
        ),
      ],
    ],
  ])('%s', async (_, frames) => {
    const limits = { pings: small, settings: small, idleFrames: small, maxContinuations: 5 };
    const peer = await new RawPeer({ limits }).handshake();
    await peer.send(...frames);
    expect(peer.goaway).toBe(ErrorCode.enhanceYourCalm);
  });

  test('answers that the peer does not read', async () => {
    const pings = { burst: 1e9, perSecond: 0 };
    const peer = await new RawPeer({ limits: { maxControlBytes: 10_000, pings } }).handshake();
    peer.read(false);
    for (let i = 0; i < 20 && peer.closed === undefined; i++)
      await peer.send(...Array.from({ length: 1_000 }, () => ping));
    expect(peer.closed).toBeDefined();
  });
});

describe('time', () => {
  test.each<
    readonly [string, number | undefined, Partial<Record<string, number>>, readonly Buffer[]]
  >([
    ['no preface', undefined, {}, []],
    ['half a preface', undefined, {}, [clientPreface.subarray(0, 10)]],
    ['no SETTINGS', undefined, {}, [clientPreface]],
    [
      'SETTINGS that are not acknowledged',
      ErrorCode.settingsTimeout,
      {},
      [clientPreface, settingsFrame()],
    ],
    [
      'a header block that does not end',
      ErrorCode.enhanceYourCalm,
      {},
      [clientPreface, settingsFrame(), settingsAck, frame(FrameType.headers, 0, 1, '82')],
    ],
    [
      'a PING that is not answered',
      undefined,
      { keepAliveAfterMs: 5_000, keepAliveTimeoutMs: 4_000 },
      [clientPreface, settingsFrame(), settingsAck, hold(1)],
    ],
    [
      'no streams',
      ErrorCode.noError,
      { idleTimeoutMs: 5_000 },
      [clientPreface, settingsFrame(), settingsAck],
    ],
  ])('is limited for %s', async (_, code, limits, bytes) => {
    const peer = new RawPeer({ limits });
    await peer.send(...bytes);
    expect(peer.ended).toBe(false);
    for (let second = 0; second < 13; second++) {
      peer.clock.advance(1_000);
      await peer.settle();
    }
    expect(peer.goaway).toBe(code);
    expect(peer.closed).toBeDefined();
    expect(peer.clock.pendingTimers).toBe(0);
  });

  test('is not limited for a client that answers PINGs', async () => {
    const limits = { keepAliveAfterMs: 5_000, keepAliveTimeoutMs: 2_000 };
    const peer = await new RawPeer({ limits }).handshake();
    await peer.send(hold(1));
    for (let second = 0; second < 30; second++) {
      peer.clock.advance(1_000);
      const asked = peer.of(FrameType.ping).at(-1);
      if (asked) await peer.send(frame(FrameType.ping, Flag.ack, 0, asked.payload));
      else await peer.settle();
    }
    expect(peer.closed).toBeUndefined();
    expect(peer.connection.streamCount).toBe(1);
  });

  test('is limited for a window so small that a stream cannot end', async () => {
    const limits = { stalledStreamTimeoutMs: 10_000, keepAliveAfterMs: 1e9 };
    const peer = await new RawPeer({ limits }).handshake([SettingId.initialWindowSize, 0]);
    await peer.send(headersFrame(1), dataFrame(1, 'x'.repeat(1000)));
    for (let second = 0; second < 9; second++) {
      peer.clock.advance(1_000);
      await peer.send(windowUpdate(1, 1));
    }
    expect(peer.connection.streamCount).toBe(1);
    expect(peer.data(1)).toHaveLength(9);
    peer.clock.advance(2_000);
    await peer.settle();
    expect(peer.resets(1)).toEqual([ErrorCode.cancel]);
    expect(peer.closes).toMatchObject([{ reason: 'refused' }]);
  });

  test('is given as long as data flows', async () => {
    const limits = { stalledStreamTimeoutMs: 10_000, keepAliveAfterMs: 1e9 };
    const peer = await new RawPeer({ limits }).handshake([SettingId.initialWindowSize, 0]);
    const message = Buffer.alloc(900_000);
    let stream: GrpcStream | undefined;
    peer.handlers.set('/t/Big', (opened) => ((stream = opened), {}));
    await peer.send(headersFrame(3, callHeaders('/t/Big')));
    stream?.send(message);
    for (let second = 0; second < 30; second++) {
      peer.clock.advance(1_000);
      await peer.send(windowUpdate(3, 2_000), windowUpdate(0, 2_000));
    }
    expect(peer.data(3)).toHaveLength(60_000);
    expect(peer.resets(3)).toEqual([]);
  });
});

describe('flow control', () => {
  test('backlogs share what the connection has, a frame at a time', async () => {
    const peer = await new RawPeer().handshake([SettingId.initialWindowSize, 2 ** 20]);
    await peer.send(
      ...[1, 3].flatMap((id) => [
        headersFrame(id),
        ...Array.from({ length: 5 }, () => dataFrame(id, Buffer.alloc(16_000))),
      ]),
    );
    const before = peer.data(1).length + peer.data(3).length;
    expect(before).toBe(65_535);
    const already = peer.of(FrameType.data).length;
    await peer.send(windowUpdate(0, 65_536));
    const next = peer.of(FrameType.data).slice(already, already + 2);
    expect(new Set(next.map(({ streamId }) => streamId))).toEqual(new Set([1, 3]));
    await peer.send(windowUpdate(0, 65_536));
    expect([peer.data(1).length, peer.data(3).length]).toEqual([80_025, 80_025]);
  });

  test('a stream that ends behind a backlog ends after it', async () => {
    const peer = await new RawPeer().handshake([SettingId.initialWindowSize, 3]);
    await peer.send(headersFrame(1), dataFrame(1, 'hello', Flag.endStream));
    expect(peer.data(1)).toHaveLength(3);
    expect(peer.closes).toEqual([]);
    await peer.send(windowUpdate(1, 100));
    expect(String(peer.data(1).subarray(5))).toBe('hello');
    expect(peer.closes).toMatchObject([{ reason: 'finished' }]);
    expect(peer.frames.at(-1)).toMatchObject({
      type: FrameType.headers,
      flags: Flag.endHeaders | Flag.endStream,
    });
  });

  test('a window may be lowered below zero and is honoured', async () => {
    const peer = await new RawPeer().handshake([SettingId.initialWindowSize, 10]);
    await peer.send(headersFrame(1), dataFrame(1, 'x'.repeat(20)));
    await peer.send(settingsFrame([SettingId.initialWindowSize, 4]), windowUpdate(1, 6));
    expect(peer.data(1)).toHaveLength(10);
    await peer.send(windowUpdate(1, 2));
    expect(peer.data(1)).toHaveLength(12);
  });

  test('paused streams hold back the connection only when they hold too much together', async () => {
    const limits = {
      connectionWindowBytes: 65_535,
      streamWindowBytes: 2 ** 20,
      maxHeldBytes: 50_000,
    };
    const peer = await new RawPeer({ limits }).handshake();
    let stream: GrpcStream | undefined;
    peer.handlers.set('/t/Pause', (opened) => {
      opened.pause();
      stream = opened;
      return {};
    });
    const updates = (): number => peer.of(FrameType.windowUpdate, 0).length;
    await peer.send(
      headersFrame(1, callHeaders('/t/Pause')),
      ...[1, 2, 3].map(() => dataFrame(1, Buffer.alloc(16_000))),
    );
    expect(updates()).toBe(1);
    await peer.send(...[1, 2, 3].map(() => dataFrame(1, Buffer.alloc(16_000))));
    expect(updates()).toBe(1);
    stream?.resume();
    await peer.settle();
    expect(updates()).toBe(2);
    expect(peer.of(FrameType.windowUpdate).at(-1)?.payload.readUInt32BE()).toBeGreaterThan(20_000);
  });
});

describe('draining', () => {
  test('announces, waits for the answer, refuses what is new and ends with the last stream', async () => {
    const peer = await new RawPeer().handshake();
    let stream: GrpcStream | undefined;
    peer.handlers.set('/t/Hold', (opened) => ((stream = opened), {}));
    await peer.send(hold(1));
    peer.connection.drain();
    await peer.settle();
    const lastIds = (): number[] =>
      peer.of(FrameType.goaway).map(({ payload }) => payload.readUInt32BE());
    expect(lastIds()).toEqual([2 ** 31 - 1]);

    // Opened before the client saw the first GOAWAY: still served.
    await peer.send(headersFrame(3), dataFrame(3, 'x', Flag.endStream));
    const asked = peer.of(FrameType.ping).at(-1)?.payload ?? Buffer.alloc(8);
    await peer.send(frame(FrameType.ping, Flag.ack, 0, asked));
    expect(lastIds()).toEqual([2 ** 31 - 1, 3]);

    await peer.send(headersFrame(5));
    expect(peer.resets(5)).toEqual([ErrorCode.refusedStream]);
    expect(peer.ended).toBe(false);
    stream?.end(Status.ok);
    await peer.settle();
    expect(peer.ended).toBe(true);
    await peer.finish();
    expect(peer.closed).toEqual({ error: undefined });
    expect(peer.clock.pendingTimers).toBe(0);
  });

  test('does not wait for ever for that answer', async () => {
    const peer = await new RawPeer().handshake();
    peer.connection.drain();
    for (let second = 0; second < 6; second++) {
      peer.clock.advance(1_000);
      await peer.settle();
    }
    expect(peer.closed).toEqual({ error: undefined });
  });

  test('a GOAWAY of the client lets its streams end and then closes', async () => {
    const peer = await new RawPeer().handshake();
    await peer.send(headersFrame(1), frame(FrameType.goaway, 0, 0, '0000000000000000'));
    expect(peer.ended).toBe(false);
    await peer.send(dataFrame(1, 'x', Flag.endStream));
    expect(peer.closes).toMatchObject([{ reason: 'finished' }]);
    expect(peer.ended).toBe(true);
  });
});

test('a lost connection ends its streams and timers', async () => {
  const peer = await new RawPeer().handshake();
  await peer.send(
    ...ids(3).map((id) => headersFrame(id, callHeaders('/t/Hold', ['grpc-timeout', '9S']))),
  );
  expect(peer.clock.pendingTimers).toBe(4);
  peer.hangUp();
  await peer.settle();
  expect(peer.closes.map(({ reason }) => reason)).toEqual(Array(3).fill('connection-lost'));
  for (let second = 0; second < 3; second++) peer.clock.advance(1_000);
  expect(peer.closed).toEqual({ error: undefined });
  expect(peer.clock.pendingTimers).toBe(0);
});
