// SPDX-License-Identifier: Apache-2.0
import { copySpan } from './chunk-list.ts';
import type { ByteSpan } from './parsed-request.ts';

/** How large a picture is, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Where `base64,` must stand in a data URL. */
const LONGEST_PREFIX_BYTES = 128;
/** Of a JPEG, whose size stands behind its metadata, this much is looked at; of others a few bytes suffice. */
const LONGEST_HEAD_BYTES = 96 * 1024;
const SHORT_HEAD_BYTES = 512;

/**
 * The size of a picture that came inside a body: `payload` is the JSON string, quotes included, of its data URL or its
 * base64. Reads PNG, JPEG and GIF. Undefined for a picture that is elsewhere, of another format or damaged. Never throws.
 */
export function readImageSize(
  chunks: readonly Uint8Array[],
  payload: ByteSpan,
): ImageSize | undefined {
  const inside = { start: payload.start + 1, end: payload.end - 1 };
  const prefix = textOf(chunks, inside, LONGEST_PREFIX_BYTES);
  const marker = prefix.indexOf('base64,');
  if (marker < 0 && /^[a-z][a-z0-9+.-]*:/i.test(prefix)) return undefined;
  const data = { start: inside.start + (marker < 0 ? 0 : marker + 7), end: inside.end };
  const head = decode(chunks, data, SHORT_HEAD_BYTES);
  return (
    pngSize(head) ??
    gifSize(head) ??
    (isJpeg(head)
      ? (jpegSize(head) ?? jpegSize(decode(chunks, data, LONGEST_HEAD_BYTES)))
      : undefined)
  );
}

function textOf(chunks: readonly Uint8Array[], span: ByteSpan, limit: number): string {
  const parts: Uint8Array[] = [];
  const end = Math.min(span.end, span.start + limit);
  copySpan(chunks, { start: span.start, end }, (bytes) => parts.push(bytes));
  return Buffer.concat(parts).toString('latin1');
}

/** Base64 of which a JSON writer may have escaped the slashes. */
const decode = (chunks: readonly Uint8Array[], span: ByteSpan, limit: number): Buffer =>
  Buffer.from(textOf(chunks, span, limit).replaceAll('\\', ''), 'base64');

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function pngSize(head: Buffer): ImageSize | undefined {
  if (head.length < 24 || !head.subarray(0, 8).equals(PNG_SIGNATURE)) return undefined;
  return sized(head.readUInt32BE(16), head.readUInt32BE(20));
}

function gifSize(head: Buffer): ImageSize | undefined {
  if (head.length < 10 || !/^GIF8[79]a$/.test(head.toString('latin1', 0, 6))) return undefined;
  return sized(head.readUInt16LE(6), head.readUInt16LE(8));
}

const isJpeg = (head: Buffer): boolean => head.length > 3 && head.readUInt16BE(0) === 0xffd8;

/** Walks the segments to the one that begins a frame. */
function jpegSize(head: Buffer): ImageSize | undefined {
  let at = 2;
  while (at + 9 <= head.length) {
    if (head[at] !== 0xff) return undefined;
    const marker = head[at + 1] ?? 0;
    if (marker === 0xff) at++;
    else if (isFrame(marker)) return sized(head.readUInt16BE(at + 7), head.readUInt16BE(at + 5));
    else if (marker >= 0xd0 && marker <= 0xd8) at += 2;
    else at += 2 + head.readUInt16BE(at + 2);
  }
  return undefined;
}

/** C0 to CF begin frames, but for tables (C4), a reserved one (C8) and arithmetic conditioning (CC). */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

const sized = (width: number, height: number): ImageSize | undefined =>
  width > 0 && height > 0 ? { width, height } : undefined;
