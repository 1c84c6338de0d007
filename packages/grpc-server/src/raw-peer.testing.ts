// SPDX-License-Identifier: Apache-2.0
import { duplexPair, type Duplex } from 'node:stream';
import { VirtualClock } from '@llm-d/determinism';
import { noopLogger } from '@llm-d/telemetry';
import type { GrpcHandler, StreamClose } from './grpc-server.ts';
import { dispatch } from './grpc/dispatcher.ts';
import { Status } from './grpc/status.ts';
import { encodeHeaders, type HeaderField } from './hpack/encoder.ts';
import { Http2Connection } from './http2/connection.ts';
import { BlockPool } from './http2/block-pool.ts';
import { FrameReader } from './http2/frame-reader.ts';
import { defaultHttp2Limits, type Http2Limits } from './http2/limits.ts';
import { clientPreface, FrameType, Flag, type ConnectionError } from './http2/protocol.ts';

/** A frame that the server sent. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

/** Any frame as bytes. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | string = '',
): Buffer {
  const body = typeof payload === 'string' ? Buffer.from(payload, 'hex') : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

/** Headers of a gRPC call. */
export const callHeaders = (path = '/t/Echo', ...more: HeaderField[]): HeaderField[] => [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'outbound|9002||epp.default.svc.cluster.local'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
  ...more,
];

export const headersFrame = (
  streamId: number,
  fields: readonly HeaderField[] = callHeaders(),
  flags: number = Flag.endHeaders,
): Buffer => frame(FrameType.headers, flags, streamId, encodeHeaders(fields));

/** A length-prefixed message. */
export function grpcMessage(body: Uint8Array | string): Buffer {
  const bytes = Buffer.from(body);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

export const dataFrame = (streamId: number, body: Uint8Array | string, flags = 0): Buffer =>
  frame(FrameType.data, flags, streamId, grpcMessage(body));

export const settingsFrame = (...values: (readonly [id: number, value: number])[]): Buffer => {
  const payload = Buffer.alloc(values.length * 6);
  values.forEach(([id, value], i) => {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  });
  return frame(FrameType.settings, 0, 0, payload);
};

export const settingsAck = frame(FrameType.settings, Flag.ack, 0);

/** A client that says bytes, on a pipe to a real connection whose time is ours. */
export class RawPeer {
  readonly clock = new VirtualClock();
  readonly frames: ReceivedFrame[] = [];
  readonly closes: StreamClose[] = [];
  readonly connection: Http2Connection;
  readonly handlers = new Map<string, GrpcHandler>();
  /** Set when the connection is over; undefined inside when nobody broke the protocol. */
  closed: { readonly error: ConnectionError | undefined } | undefined;
  /** The server has said its last word. */
  ended = false;
  readonly #socket: Duplex;

  constructor(
    options: { readonly limits?: Partial<Http2Limits>; readonly maxReceiveBytes?: number } = {},
  ) {
    const [ours, theirs] = duplexPair();
    this.#socket = ours;
    const reader = new FrameReader({ maxFrameSize: 2 ** 24 }, (type, flags, streamId, payload) => {
      this.frames.push({ type, flags, streamId, payload: Buffer.from(payload) });
      return true;
    });
    ours.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    ours.on('end', () => {
      this.ended = true;
    });
    ours.on('error', () => undefined);
    const onClose = (close: StreamClose): void => void this.closes.push(close);
    this.handlers.set('/t/Echo', (stream) => ({
      onMessage: (message) => stream.send(message),
      onHalfClose: () => {
        stream.end(Status.ok);
      },
      onClose,
    }));
    this.handlers.set('/t/Hold', () => ({ onClose }));
    this.handlers.set('/t/Pause', (stream) => {
      stream.pause();
      return { onClose };
    });
    const { clock, handlers } = this;
    const maxReceiveBytes = options.maxReceiveBytes ?? 4 * 2 ** 20;
    this.connection = new Http2Connection(theirs, {
      clock,
      limits: { ...defaultHttp2Limits, ...options.limits },
      blocks: new BlockPool(),
      open: (stream) => dispatch(stream, { clock, handlers, maxReceiveBytes, logger: noopLogger }),
      closed: (error) => {
        this.closed = { error };
      },
    });
  }

  /** Preface and SETTINGS, as every client begins. */
  async handshake(...settings: (readonly [id: number, value: number])[]): Promise<this> {
    return this.send(clientPreface, settingsFrame(...settings), settingsAck);
  }

  async send(...bytes: readonly Uint8Array[]): Promise<this> {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(Buffer.concat(bytes));
    return this.settle();
  }

  /** Stops or goes on reading what the server says. */
  read(reading: boolean): void {
    if (reading) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Lets everything that is under way arrive. */
  async settle(): Promise<this> {
    for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
    return this;
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  /** Closes our half, as a client does that has nothing more to say. */
  async finish(): Promise<this> {
    this.#socket.end();
    return this.settle();
  }

  of(type: number, streamId?: number): ReceivedFrame[] {
    return this.frames.filter((f) => f.type === type && (streamId ?? f.streamId) === f.streamId);
  }

  /** Error code of the last GOAWAY. */
  get goaway(): number | undefined {
    return this.of(FrameType.goaway).at(-1)?.payload.readUInt32BE(4);
  }

  /** Error codes of the stream's RST_STREAM frames. */
  resets(streamId: number): number[] {
    return this.of(FrameType.rstStream, streamId).map(({ payload }) => payload.readUInt32BE(0));
  }

  /** Bytes of the stream's DATA frames. */
  data(streamId: number): Buffer {
    return Buffer.concat(this.of(FrameType.data, streamId).map(({ payload }) => payload));
  }
}
