import { describe, expect, test } from 'vitest';
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

const { headers, data, settings, ping, windowUpdate, rstStream, continuation, priority, goaway } =
  FrameType;
const endBoth = Flag.endHeaders | Flag.endStream;

/** Frames after the handshake, and the error that must end the connection. */
const connectionErrors: readonly (readonly [string, number, readonly Buffer[]])[] = [
  ['DATA on stream 0', ErrorCode.protocolError, [frame(data, 0, 0, '00')]],
  ['DATA on an idle stream', ErrorCode.protocolError, [frame(data, 0, 1, '00')]],
  [
    'DATA with more padding than frame',
    ErrorCode.protocolError,
    [headersFrame(1), frame(data, Flag.padded, 1, '0500')],
  ],
  [
    'DATA beyond the connection window',
    ErrorCode.flowControlError,
    [
      headersFrame(1, callHeaders('/t/Pause')),
      ...Array.from({ length: 9 }, () => frame(data, 0, 1, Buffer.alloc(16_384))),
    ],
  ],
  ['HEADERS on an even stream', ErrorCode.protocolError, [headersFrame(2)]],
  ['HEADERS on stream 0', ErrorCode.protocolError, [headersFrame(0)]],
  [
    'HEADERS on a stream that was skipped',
    ErrorCode.protocolError,
    [headersFrame(5), headersFrame(3)],
  ],
  [
    'HEADERS on a complete stream',
    ErrorCode.streamClosed,
    [headersFrame(1, callHeaders(), endBoth), headersFrame(1)],
  ],
  [
    'HEADERS with padding beyond the frame',
    ErrorCode.protocolError,
    [frame(headers, Flag.endHeaders | Flag.padded, 1, 'ff82')],
  ],
  [
    'HEADERS that depend on themselves',
    ErrorCode.protocolError,
    [frame(headers, Flag.endHeaders | Flag.priority, 1, '000000010082')],
  ],
  [
    'a block that is no HPACK',
    ErrorCode.compressionError,
    [frame(headers, Flag.endHeaders, 1, 'ff')],
  ],
  ['CONTINUATION alone', ErrorCode.protocolError, [frame(continuation, 0, 1, '82')]],
  [
    'another frame inside a header block',
    ErrorCode.protocolError,
    [frame(headers, 0, 1, '82'), frame(ping, 0, 0, '0000000000000000')],
  ],
  [
    'CONTINUATION of another stream',
    ErrorCode.protocolError,
    [frame(headers, 0, 1, '82'), frame(continuation, 4, 3, '82')],
  ],
  ['PRIORITY of a wrong length', ErrorCode.frameSizeError, [frame(priority, 0, 1, '00')]],
  ['PRIORITY on stream 0', ErrorCode.protocolError, [frame(priority, 0, 0, '0000000000')]],
  [
    'RST_STREAM of a wrong length',
    ErrorCode.frameSizeError,
    [headersFrame(1), frame(rstStream, 0, 1, '00')],
  ],
  ['RST_STREAM on an idle stream', ErrorCode.protocolError, [frame(rstStream, 0, 1, '00000008')]],
  ['RST_STREAM on stream 0', ErrorCode.protocolError, [frame(rstStream, 0, 0, '00000008')]],
  ['SETTINGS on a stream', ErrorCode.protocolError, [frame(settings, 0, 1)]],
  ['SETTINGS of a wrong length', ErrorCode.frameSizeError, [frame(settings, 0, 0, '00')]],
  [
    'SETTINGS ACK with a payload',
    ErrorCode.frameSizeError,
    [frame(settings, Flag.ack, 0, '000100000000')],
  ],
  ['SETTINGS ENABLE_PUSH 2', ErrorCode.protocolError, [settingsFrame([SettingId.enablePush, 2])]],
  [
    'SETTINGS INITIAL_WINDOW_SIZE 2^31',
    ErrorCode.flowControlError,
    [settingsFrame([SettingId.initialWindowSize, 2 ** 31])],
  ],
  [
    'SETTINGS MAX_FRAME_SIZE 1',
    ErrorCode.protocolError,
    [settingsFrame([SettingId.maxFrameSize, 1])],
  ],
  [
    'SETTINGS MAX_FRAME_SIZE 2^24',
    ErrorCode.protocolError,
    [settingsFrame([SettingId.maxFrameSize, 2 ** 24])],
  ],
  ['PING of a wrong length', ErrorCode.frameSizeError, [frame(ping, 0, 0, '00')]],
  ['PING on a stream', ErrorCode.protocolError, [frame(ping, 0, 1, '0000000000000000')]],
  ['GOAWAY on a stream', ErrorCode.protocolError, [frame(goaway, 0, 1, '0000000000000000')]],
  ['GOAWAY of a wrong length', ErrorCode.frameSizeError, [frame(goaway, 0, 0, '00')]],
  ['PUSH_PROMISE', ErrorCode.protocolError, [frame(FrameType.pushPromise, 4, 1, '0000000282')]],
  ['WINDOW_UPDATE of a wrong length', ErrorCode.frameSizeError, [frame(windowUpdate, 0, 0, '00')]],
  [
    'WINDOW_UPDATE 0 of the connection',
    ErrorCode.protocolError,
    [frame(windowUpdate, 0, 0, '00000000')],
  ],
  [
    'WINDOW_UPDATE beyond 2^31-1',
    ErrorCode.flowControlError,
    [frame(windowUpdate, 0, 0, '7fffffff')],
  ],
  [
    'WINDOW_UPDATE on an idle stream',
    ErrorCode.protocolError,
    [frame(windowUpdate, 0, 1, '00000001')],
  ],
  [
    'a frame larger than announced',
    ErrorCode.frameSizeError,
    [frame(data, 0, 1, Buffer.alloc(16_385))],
  ],
];

describe('ends the connection on', () => {
  test.each(connectionErrors)('%s', async (_, code, frames) => {
    const limits = { connectionWindowBytes: 65_536, maxHeldBytes: 0 };
    const peer = await new RawPeer({ limits }).handshake();
    await peer.send(...frames);
    expect(peer.goaway).toBe(code);
    expect(peer.connection.streamCount).toBe(0);
    await peer.finish();
    expect(peer.closed?.error?.errorCode).toBe(code);
    expect(peer.clock.pendingTimers).toBe(0);
  });

  test.each([
    ['a preface of another protocol', [Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n')]],
    ['a preface that goes wrong late', [clientPreface.subarray(0, 20), Buffer.from('????')]],
    ['a first frame that is not SETTINGS', [clientPreface, frame(ping, 0, 0, '0000000000000000')]],
    ['a first SETTINGS that is an ACK', [clientPreface, settingsAck]],
  ])('%s', async (_, bytes) => {
    const peer = new RawPeer();
    for (const piece of bytes) await peer.send(piece);
    expect(peer.goaway).toBe(ErrorCode.protocolError);
    expect(peer.ended).toBe(true);
  });
});

/** Frames after the handshake, and the code that must reset stream 1 while the connection goes on. */
const streamErrors: readonly (readonly [string, number, readonly Buffer[]])[] = [
  [
    'WINDOW_UPDATE 0',
    ErrorCode.protocolError,
    [headersFrame(1), frame(windowUpdate, 0, 1, '00000000')],
  ],
  [
    'a window beyond 2^31-1',
    ErrorCode.flowControlError,
    [headersFrame(1), frame(windowUpdate, 0, 1, '7fffffff')],
  ],
  [
    'DATA beyond the stream window',
    ErrorCode.flowControlError,
    [
      headersFrame(1, callHeaders('/t/Pause')),
      ...Array.from({ length: 5 }, () =>
        frame(data, 0, 1, Buffer.concat([Buffer.from('0000100000', 'hex'), Buffer.alloc(16_000)])),
      ),
    ],
  ],
  [
    'DATA after the peer ended it',
    ErrorCode.streamClosed,
    [headersFrame(1, callHeaders('/t/Hold'), endBoth), dataFrame(1, 'x')],
  ],
  [
    'HEADERS after the peer ended it',
    ErrorCode.streamClosed,
    [headersFrame(1, callHeaders('/t/Hold'), endBoth), headersFrame(1)],
  ],
  [
    'DATA after the peer reset it',
    ErrorCode.streamClosed,
    [headersFrame(1), frame(rstStream, 0, 1, '00000008'), dataFrame(1, 'x')],
  ],
  [
    'HEADERS after the peer reset it',
    ErrorCode.streamClosed,
    [headersFrame(1), frame(rstStream, 0, 1, '00000008'), headersFrame(1)],
  ],
  [
    'trailers that do not end it',
    ErrorCode.protocolError,
    [headersFrame(1), headersFrame(1, [['x', 'y']])],
  ],
  [
    'trailers with a pseudo-header',
    ErrorCode.protocolError,
    [headersFrame(1), headersFrame(1, [[':path', '/']], endBoth)],
  ],
  [
    'a body longer than announced',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Hold', ['content-length', '3'])), dataFrame(1, 'x')],
  ],
  [
    'a body shorter than announced',
    ErrorCode.protocolError,
    [
      headersFrame(1, callHeaders('/t/Hold', ['content-length', '9'])),
      dataFrame(1, 'x', Flag.endStream),
    ],
  ],
  [
    'upper case in a name',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['X-Y', '']))],
  ],
  [
    'a name with a space',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['x y', '']))],
  ],
  [
    'a line break in a value',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['x', 'a\r\nb']))],
  ],
  [
    'a NUL in :authority',
    ErrorCode.protocolError,
    [
      headersFrame(1, [
        [':method', 'POST'],
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'a\0b'],
      ]),
    ],
  ],
  [
    'a connection-specific field',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['connection', 'close']))],
  ],
  [
    'te other than trailers',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['te', 'gzip']))],
  ],
  ['no path', ErrorCode.protocolError, [headersFrame(1, callHeaders(''))]],
  ['two paths', ErrorCode.protocolError, [headersFrame(1, [[':path', '/'], ...callHeaders()])]],
  [
    'an unknown pseudo-header',
    ErrorCode.protocolError,
    [headersFrame(1, [[':protocol', 'x'], ...callHeaders()])],
  ],
  [
    'a pseudo-header after a field',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', [':path', '/']))],
  ],
  [
    'a content-length that is no number',
    ErrorCode.protocolError,
    [headersFrame(1, callHeaders('/t/Echo', ['content-length', '-1']))],
  ],
  [
    'headers larger than announced',
    ErrorCode.enhanceYourCalm,
    [headersFrame(1, callHeaders('/t/Echo', ['x', 'y'.repeat(5000)]))],
  ],
];

describe('resets only the stream on', () => {
  test.each(streamErrors)('%s', async (_, code, frames) => {
    const limits = { streamWindowBytes: 65_536, maxHeaderListBytes: 5_000 };
    const peer = await new RawPeer({ limits }).handshake();
    await peer.send(...frames, headersFrame(3), dataFrame(3, 'still here', Flag.endStream));
    expect(peer.resets(1)).toContain(code);
    expect(String(peer.data(3))).toContain('still here');
    expect(peer.goaway).toBeUndefined();
    expect(peer.connection.streamCount).toBe(0);
  });
});

describe('goes on after', () => {
  test.each([
    [
      'padding and priorities',
      [
        frame(
          headers,
          Flag.endHeaders | Flag.padded | Flag.priority,
          1,
          Buffer.concat([
            Buffer.from('020000000010', 'hex'),
            encodeHeaders(callHeaders()),
            Buffer.alloc(2),
          ]),
        ),
        frame(data, Flag.padded, 1, '03000000000161000000'),
        frame(priority, 0, 9, '0000000010'),
        frame(data, Flag.endStream, 1),
      ],
    ],
    [
      'an unknown frame',
      [frame(0xf0, 0xff, 1, 'abcd'), headersFrame(1), dataFrame(1, 'a', Flag.endStream)],
    ],
    [
      'a header block in pieces',
      [
        ...[0, 1, 2].map((i) => {
          const block = encodeHeaders(callHeaders());
          const third = block.subarray(i * 20, i === 2 ? undefined : i * 20 + 20);
          return frame(i === 0 ? headers : continuation, i === 2 ? Flag.endHeaders : 0, 1, third);
        }),
        dataFrame(1, 'a', Flag.endStream),
      ],
    ],
    [
      'trailers of the client',
      [headersFrame(1), dataFrame(1, 'a'), headersFrame(1, [['x', 'y']], endBoth)],
    ],
    [
      'an unknown setting',
      [settingsFrame([0x99, 7]), headersFrame(1), dataFrame(1, 'a', Flag.endStream)],
    ],
  ])('%s', async (_, frames) => {
    const peer = await new RawPeer().handshake();
    await peer.send(...frames);
    expect(peer.data(1)).toEqual(Buffer.from('000000000161', 'hex'));
    expect(peer.closes).toMatchObject([{ reason: 'finished' }]);
    expect(peer.goaway).toBeUndefined();
  });

  test('bytes that come one at a time', async () => {
    const peer = new RawPeer();
    const all = Buffer.concat([
      clientPreface,
      settingsFrame(),
      settingsAck,
      headersFrame(1),
      dataFrame(1, 'a', Flag.endStream),
    ]);
    for (const byte of all) await peer.send(Buffer.of(byte));
    expect(peer.data(1)).toEqual(Buffer.from('000000000161', 'hex'));
  });
});

test('a table the client shrank is acknowledged before the next header block', async () => {
  const peer = await new RawPeer().handshake([SettingId.headerTableSize, 0]);
  await peer.send(headersFrame(1), dataFrame(1, 'a', Flag.endStream));
  const sizeUpdates = peer.of(headers, 1).map(({ payload }) => payload[0] === 0x20);
  expect(sizeUpdates).toEqual([true, false]);
});

test('any :authority is served, and shown as it came', async () => {
  const peer = new RawPeer();
  let authority = '';
  peer.handlers.set('/t/Who', (stream) => {
    ({ authority } = stream);
    return {};
  });
  await peer.handshake();
  await peer.send(headersFrame(1, callHeaders('/t/Who')));
  expect(authority).toBe('outbound|9002||epp.default.svc.cluster.local');
});
