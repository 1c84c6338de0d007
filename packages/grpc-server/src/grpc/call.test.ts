import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { GrpcStream } from '../grpc-server.ts';
import { HpackDecoder } from '../hpack/decoder.ts';
import type { HeaderField } from '../hpack/encoder.ts';
import { Flag, FrameType } from '../http2/protocol.ts';
import {
  callHeaders,
  dataFrame,
  frame,
  grpcMessage,
  headersFrame,
  RawPeer,
} from '../raw-peer.testing.ts';
import { InvalidMetadataError } from './metadata.ts';
import { Status } from './status.ts';

/** Headers and trailers that the server sent on a stream. */
function heard(peer: RawPeer, streamId = 1): Record<string, string> {
  const decoder = new HpackDecoder({ maxTableSize: 4096, maxHeaderListSize: 2 ** 16 });
  const fields: [string, string][] = [];
  for (const { payload } of peer.of(FrameType.headers, streamId)) {
    const { names, values } = decoder.decode(payload);
    names.forEach((name, i) => fields.push([name, values[i] ?? '']));
  }
  return Object.fromEntries(fields);
}

async function ask(
  headers: readonly HeaderField[],
  body: readonly Buffer[] = [],
  maxReceiveBytes = 1000,
): Promise<Record<string, string>> {
  const peer = await new RawPeer({ maxReceiveBytes }).handshake();
  const data = frame(FrameType.data, Flag.endStream, 1, Buffer.concat(body));
  await peer.send(headersFrame(1, headers), data);
  expect(peer.connection.streamCount).toBe(0);
  return heard(peer);
}

const compressed = (bytes: Buffer): Buffer => {
  const message = grpcMessage(bytes);
  message[0] = 1;
  return message;
};
const gzip: HeaderField = ['grpc-encoding', 'gzip'];

describe('a request that is no gRPC call is answered in HTTP', () => {
  test.each([
    [
      'GET',
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
      ],
      '405',
    ],
    [
      'another content type',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        ['content-type', 'application/json'],
      ],
      '415',
    ],
    [
      'a content type that only begins alike',
      [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        ['content-type', 'application/grpc-web'],
      ],
      '415',
    ],
  ] as [string, HeaderField[], string][])('%s', async (_, headers, status) => {
    expect(await ask(headers, [Buffer.from('thrown away')])).toMatchObject({
      ':status': status,
      'content-type': 'text/plain',
    });
  });
});

describe('a call ends with', () => {
  test.each<readonly [string, number, readonly HeaderField[], readonly Buffer[]]>([
    ['OK', Status.ok, callHeaders(), [grpcMessage('a'), grpcMessage('b')]],
    [
      'OK for application/grpc+proto',
      Status.ok,
      [
        ...callHeaders().filter(([name]) => name !== 'content-type'),
        ['content-type', 'application/grpc+proto'],
      ],
      [],
    ],
    ['UNIMPLEMENTED for an unknown method', Status.unimplemented, callHeaders('/t/None'), []],
    [
      'UNIMPLEMENTED for an unknown encoding',
      Status.unimplemented,
      callHeaders('/t/Echo', ['grpc-encoding', 'snappy']),
      [],
    ],
    [
      'INTERNAL for a malformed deadline',
      Status.internal,
      callHeaders('/t/Echo', ['grpc-timeout', '1x']),
      [],
    ],
    [
      'INTERNAL for a message cut short',
      Status.internal,
      callHeaders(),
      [grpcMessage('abc').subarray(0, 7)],
    ],
    [
      'INTERNAL for a prefix cut short',
      Status.internal,
      callHeaders(),
      [grpcMessage('abc').subarray(0, 3)],
    ],
    [
      'INTERNAL for an unknown message flag',
      Status.internal,
      callHeaders(),
      [Buffer.of(2, 0, 0, 0, 0)],
    ],
    [
      'INTERNAL for a compressed message without encoding',
      Status.internal,
      callHeaders(),
      [compressed(gzipSync('a'))],
    ],
    [
      'INTERNAL for bytes that are not gzip',
      Status.internal,
      callHeaders('/t/Echo', gzip),
      [compressed(Buffer.from('abc'))],
    ],
    [
      'RESOURCE_EXHAUSTED for a message too large',
      Status.resourceExhausted,
      callHeaders(),
      [Buffer.of(0, 0, 0, 3, 0xe9)],
    ],
    [
      'RESOURCE_EXHAUSTED for a message that inflates to too much',
      Status.resourceExhausted,
      callHeaders('/t/Echo', gzip),
      [compressed(gzipSync(Buffer.alloc(100_000)))],
    ],
    [
      'OK for gzip',
      Status.ok,
      callHeaders('/t/Echo', gzip),
      [compressed(gzipSync('abc')), grpcMessage('plain')],
    ],
  ])('%s', async (_, status, headers, body) => {
    expect(await ask(headers, body)).toMatchObject({
      ':status': '200',
      'content-type': 'application/grpc',
      'grpc-status': String(status),
    });
  });

  test('the encodings that are read, when it asked for another', async () => {
    const answer = await ask(callHeaders('/t/Echo', ['grpc-encoding', 'br']));
    expect(answer).toMatchObject({ 'grpc-accept-encoding': 'identity,gzip' });
  });
});

async function open(
  ...more: HeaderField[]
): Promise<{ peer: RawPeer; stream: GrpcStream; events: string[] }> {
  const peer = new RawPeer();
  const opened = Promise.withResolvers<GrpcStream>();
  const events: string[] = [];
  peer.handlers.set('/t/Own', (stream) => {
    opened.resolve(stream);
    return {
      onMessage: (message) => events.push(`message ${String(message)}`),
      onHalfClose: () => events.push('half-close'),
      onDrain: () => events.push('drain'),
      onClose: ({ reason }) => events.push(`close ${reason}`),
    };
  });
  await peer.handshake();
  await peer.send(headersFrame(1, callHeaders('/t/Own', ...more)));
  return { peer, stream: await opened.promise, events };
}

describe('a deadline', () => {
  test('ends the call when it has passed', async () => {
    const { peer, stream, events } = await open(['grpc-timeout', '1500m']);
    peer.clock.advance(1_499);
    expect(events).toEqual([]);
    const { signal } = stream;
    peer.clock.advance(1);
    await peer.settle();
    expect(events).toEqual(['close deadline']);
    expect(signal.aborted).toBe(true);
    expect(heard(peer)).toMatchObject({ 'grpc-status': '4' });
  });

  test('ends a call that has answered with trailers', async () => {
    const { peer, stream } = await open(['grpc-timeout', '1S']);
    stream.send(Buffer.from('x'));
    peer.clock.advance(1_000);
    await peer.settle();
    expect(heard(peer)).toMatchObject({ 'grpc-status': '4' });
  });

  test('leaves no timer when the call ends before', async () => {
    const { peer, stream, events } = await open(['grpc-timeout', '1H']);
    stream.end(Status.ok);
    await peer.settle();
    expect(events).toEqual(['close finished']);
    expect(peer.clock.pendingTimers).toBe(1);
  });
});

test('half-close comes after the messages, also when it was heard while paused', async () => {
  const { peer, stream, events } = await open();
  stream.pause();
  await peer.send(dataFrame(1, 'a'), dataFrame(1, 'b', Flag.endStream));
  expect(events).toEqual([]);
  stream.resume();
  expect(events).toEqual(['message a', 'message b', 'half-close']);
});

test('a listener may pause between two messages of one read', async () => {
  const { peer, stream, events } = await open();
  const push = events.push.bind(events);
  events.push = (...items) => {
    stream.pause();
    return push(...items);
  };
  await peer.send(dataFrame(1, 'a'), dataFrame(1, 'b'), dataFrame(1, 'c', Flag.endStream));
  expect([...events]).toEqual(['message a']);
  stream.resume();
  expect([...events]).toEqual(['message a', 'message b']);
  stream.resume();
  stream.resume();
  expect([...events]).toEqual(['message a', 'message b', 'message c', 'half-close']);
});

test('nothing is heard or sent after the end, and only the first end counts', async () => {
  const { peer, stream, events } = await open();
  stream.end(Status.notFound, 'gone');
  stream.end(Status.ok);
  expect(stream.send(Buffer.from('x'))).toBe(false);
  await peer.send(dataFrame(1, 'late', Flag.endStream));
  expect(events).toEqual(['close finished']);
  expect(heard(peer)).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'gone' });
  expect(stream.signal.aborted).toBe(true);
});

test.each<readonly [string, string | Uint8Array]>([
  ['Upper', 'a'],
  ['grpc-status', '0'],
  ['text', 'line\nbreak'],
  ['text', Buffer.of(1)],
  ['some-bin', 'text'],
])('trailers %s: %j cannot be sent', async (key, value) => {
  const { stream } = await open();
  expect(() => {
    stream.end(Status.ok, undefined, [[key, value]]);
  }).toThrow(InvalidMetadataError);
});

test('trailers larger than a frame go on in CONTINUATION', async () => {
  const { peer, stream } = await open();
  stream.end(Status.ok, undefined, [['x-long', 'v'.repeat(40_000)]]);
  await peer.settle();
  const blocks = peer.frames.filter(({ streamId }) => streamId === 1);
  expect(blocks.map(({ type, flags }) => [type, flags])).toEqual([
    [FrameType.headers, Flag.endStream],
    [FrameType.continuation, 0],
    [FrameType.continuation, Flag.endHeaders],
    // The client had not ended its side.
    [FrameType.rstStream, 0],
  ]);
  const block = Buffer.concat(blocks.slice(0, 3).map(({ payload }) => payload));
  const decoder = new HpackDecoder({ maxTableSize: 4096, maxHeaderListSize: 2 ** 16 });
  expect(decoder.decode(block).values.at(-1)).toHaveLength(40_000);
});
