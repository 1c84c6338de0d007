import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { encodeHeaders } from './hpack/encoder.ts';
import { FrameReader } from './http2/frame-reader.ts';
import { clientPreface, ErrorCode, Flag, FrameType } from './http2/protocol.ts';
import { createGrpcServer, type StreamClose } from './index.ts';
import { callHeaders, dataFrame, frame, settingsAck, settingsFrame } from './raw-peer.testing.ts';

// What a proxy does with ext_proc streams: it opens one, hears an answer and resets it, on one connection, for days.
test(
  '20,000 calls on one connection, each reset once it was answered',
  { timeout: 60_000 },
  async () => {
    const total = 20_000;
    const atOnce = 64;
    const server = createGrpcServer();
    const closes = new Map<StreamClose['reason'], number>();
    server.handle('/t/Echo', (stream) => ({
      onMessage: (message) => stream.send(message),
      onClose: ({ reason }) => closes.set(reason, (closes.get(reason) ?? 0) + 1),
    }));
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const socket: Socket = connect(port, '127.0.0.1');
    const block = encodeHeaders(callHeaders());
    const goaways: number[] = [];
    let nextId = 1;
    let answered = 0;
    const out: Buffer[] = [];
    const open = (): void => {
      if (nextId >= 2 * total) return;
      out.push(
        frame(FrameType.headers, Flag.endHeaders, nextId, block),
        dataFrame(nextId, 'question'),
      );
      nextId += 2;
    };
    await new Promise<void>((resolve, reject) => {
      const reader = new FrameReader({ maxFrameSize: 2 ** 24 }, (type, _flags, id, payload) => {
        if (type === FrameType.goaway) goaways.push(payload.readUInt32BE(4));
        if (type === FrameType.data) {
          out.push(frame(FrameType.rstStream, 0, id, `0000000${ErrorCode.internalError}`));
          answered++;
          open();
        }
        return true;
      });
      socket.on('error', reject);
      socket.on('close', () => {
        reject(new Error('the server closed the connection'));
      });
      socket.on('data', (chunk: Buffer) => {
        reader.push(chunk);
        socket.write(Buffer.concat(out.splice(0)));
        if (answered === total) resolve();
      });
      // The connection window for answers: enough for all of them.
      out.push(
        clientPreface,
        settingsFrame(),
        settingsAck,
        frame(FrameType.windowUpdate, 0, 0, '3fffffff'),
      );
      for (let i = 0; i < atOnce; i++) open();
      socket.write(Buffer.concat(out.splice(0)));
    });
    while (server.openStreams > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(goaways).toEqual([]);
    expect(Object.fromEntries(closes)).toEqual({ reset: total });
    expect(server.openConnections).toBe(1);
    socket.removeAllListeners('close');
    socket.destroy();
    await server.close();
    expect(server.openConnections).toBe(0);
  },
);
