// SPDX-License-Identifier: Apache-2.0

/** HTTP/2 frame types and flags that a load generator uses (RFC 9113 §6). */
export const Frame = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
export const ACK = 1;
export const END_HEADERS = 4;

export const FRAME_HEAD_BYTES = 9;
/** The payload that every peer accepts without having said so. */
const MAX_PAYLOAD_BYTES = 16_384;

/** A frame as bytes. */
export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, FRAME_HEAD_BYTES);
  return bytes;
}

/** Where a frame stands in a template. */
export interface TemplateFrame {
  readonly offset: number;
  readonly length: number;
  /** What of it counts against flow control. */
  readonly dataBytes: number;
}

/** Prepared frames of some stream, to be sent on any. */
export interface FrameTemplate {
  readonly bytes: Buffer;
  readonly frames: readonly TemplateFrame[];
  readonly dataBytes: number;
}

/** Lays frames out one after the other. */
export function templateOf(frames: readonly Buffer[]): FrameTemplate {
  let offset = 0;
  const places = frames.map((bytes): TemplateFrame => {
    const place = {
      offset,
      length: bytes.length,
      dataBytes: bytes[3] === Frame.data ? bytes.length - FRAME_HEAD_BYTES : 0,
    };
    offset += bytes.length;
    return place;
  });
  const dataBytes = places.reduce((sum, place) => sum + place.dataBytes, 0);
  return { bytes: Buffer.concat(frames), frames: places, dataBytes };
}

/** The template's bytes for one stream. */
export function stamp({ bytes, frames }: FrameTemplate, streamId: number): Buffer {
  const copy = Buffer.from(bytes);
  for (const { offset } of frames) copy.writeUInt32BE(streamId, offset + 5);
  return copy;
}

/** gRPC messages as DATA frames, each message in frames of its own, as Envoy sends them. */
export function messageFrames(messages: readonly Uint8Array[]): Buffer[] {
  return messages.flatMap((message) => {
    const framed = Buffer.allocUnsafe(5 + message.length);
    framed[0] = 0;
    framed.writeUInt32BE(message.length, 1);
    framed.set(message, 5);
    const count = Math.ceil(framed.length / MAX_PAYLOAD_BYTES);
    return Array.from({ length: count }, (_, i) =>
      frame(Frame.data, 0, 0, framed.subarray(i * MAX_PAYLOAD_BYTES, (i + 1) * MAX_PAYLOAD_BYTES)),
    );
  });
}

/** A header block without use of the dynamic table, so that it is the same for every stream. */
export function headerBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value);
    if (bytes.length > 126) throw new RangeError(`${value} is too long for a prepared header`);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  return Buffer.concat(
    fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  );
}
