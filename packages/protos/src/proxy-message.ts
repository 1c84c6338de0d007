// SPDX-License-Identifier: Apache-2.0
import { codecOf } from './codec.ts';
import { processingRequest } from './ext-proc.ts';
import { envoy } from './gen/codecs.ts';
import type {
  HeaderMap,
  Metadata,
  ProcessingRequest,
  ProtocolConfiguration,
} from './gen/messages.ts';
import { WireCursor } from './wire-cursor.ts';

/** The part of an HTTP exchange that a message is about. */
export type ProxyPhase = NonNullable<ProcessingRequest['request']>;

/** One `ProcessingRequest` in the form in which it costs least to read. */
export interface ProxyMessage {
  /** Undefined where the message is about nothing that is known here. */
  readonly phase: ProxyPhase | undefined;
  /**
   * Of headers and trailers: names and values in turns, in their order, as text. A value is what `raw_value` says, or
   * `value` where that is empty, as in what old proxies send.
   */
  readonly headers: readonly string[];
  /** Of a body: a view of the message. */
  readonly body: Uint8Array;
  /** Of headers and bodies: nothing follows. */
  readonly endOfStream: boolean;
  readonly metadataContext: Metadata | null;
  readonly protocolConfig: ProtocolConfiguration | null;
}

/**
 * Reads a `ProcessingRequest`. What Envoy writes is read straight from the bytes, which costs a fraction of making
 * objects of it; a message in any other form that Protocol Buffers allow goes through the generated code and means the
 * same. Attributes are passed over. Throws `InvalidMessageError`.
 */
export function readProxyMessage(bytes: Uint8Array): ProxyMessage {
  const buffer = asBuffer(bytes);
  return readCommonForm(buffer) ?? fromDecoded(processingRequest.decode(buffer));
}

/** By field number. */
const PHASES: readonly (ProxyPhase | undefined)[] = [
  undefined,
  undefined,
  'requestHeaders',
  'responseHeaders',
  'requestBody',
  'responseBody',
  'requestTrailers',
  'responseTrailers',
];
const METADATA_CONTEXT = 8;
const PROTOCOL_CONFIG = 11;

class Message implements ProxyMessage {
  phase: ProxyPhase | undefined;
  headers: readonly string[] = NO_HEADERS;
  body: Uint8Array = NO_BODY;
  endOfStream = false;
  metadataContext: Metadata | null = null;
  protocolConfig: ProtocolConfiguration | null = null;
}

const NO_HEADERS: readonly string[] = [];
const NO_BODY = Buffer.alloc(0);

/** Undefined for a message that Envoy would not write, be it valid or not. */
function readCommonForm(bytes: Buffer): ProxyMessage | undefined {
  const message = new Message();
  const cursor = new WireCursor(bytes);
  while (cursor.at < bytes.length) {
    const field = cursor.field(bytes.length);
    const { at, end } = cursor;
    if (field === METADATA_CONTEXT && message.metadataContext === null) {
      message.metadataContext = metadata.decode(bytes.subarray(at, end));
    } else if (field === PROTOCOL_CONFIG && message.protocolConfig === null) {
      message.protocolConfig = protocolConfiguration.decode(bytes.subarray(at, end));
    } else {
      if (message.phase !== undefined || PHASES[field] === undefined) return undefined;
      message.phase = PHASES[field];
      if (!readPhase(message, cursor, end)) return undefined;
    }
    cursor.at = end;
  }
  return message;
}

function readPhase(message: Message, cursor: WireCursor, end: number): boolean {
  switch (message.phase) {
    case 'requestBody':
    case 'responseBody':
      return readBody(message, cursor, end);
    case 'requestHeaders':
    case 'responseHeaders':
      return readHeaders(message, cursor, end);
    default:
      return readHeaders(message, cursor, end) && !message.endOfStream;
  }
}

/** Tags of `end_of_stream`. */
const BODY_END = 2 << 3;
const HEADERS_END = 3 << 3;

function readBody(message: Message, cursor: WireCursor, end: number): boolean {
  while (cursor.at < end) {
    if (cursor.bytes[cursor.at] === BODY_END) {
      if (!readEnd(message, cursor, end)) return false;
    } else {
      if (cursor.field(end) !== 1) return false;
      message.body = cursor.bytes.subarray(cursor.at, cursor.end);
      cursor.at = cursor.end;
    }
  }
  return true;
}

function readHeaders(message: Message, cursor: WireCursor, end: number): boolean {
  while (cursor.at < end) {
    if (cursor.bytes[cursor.at] === HEADERS_END) {
      if (!readEnd(message, cursor, end)) return false;
    } else {
      if (cursor.field(end) !== 1 || message.headers !== NO_HEADERS) return false;
      const headers = readHeaderMap(cursor, cursor.end);
      if (headers === undefined) return false;
      message.headers = headers;
    }
  }
  return true;
}

function readEnd(message: Message, cursor: WireCursor, end: number): boolean {
  cursor.at++;
  const value = cursor.varint(end);
  message.endOfStream = value > 0;
  return value >= 0;
}

const KEY = 1;
const RAW_VALUE = 3;
/** V8 copies parts of a text up to this length; a longer one would keep all headers as long as it is kept. */
const MAX_COPIED = 12;

function readHeaderMap(cursor: WireCursor, end: number): string[] | undefined {
  const { bytes, at: base } = cursor;
  // One text for all short pieces: a call for each of them would cost more than the rest of the work.
  const text = bytes.toString('latin1', base, end);
  const headers: string[] = [];
  while (cursor.at < end) {
    if (cursor.field(end) !== 1) return undefined;
    const headerEnd = cursor.end;
    let key = '';
    let value = '';
    while (cursor.at < headerEnd) {
      const field = cursor.field(headerEnd);
      const { at, end: pieceEnd } = cursor;
      if (field !== KEY && field !== RAW_VALUE) return undefined;
      const isPlain = isAscii(bytes, at, pieceEnd);
      if (field === KEY) {
        if (!isPlain) return undefined;
        key = text.slice(at - base, pieceEnd - base);
      } else if (isPlain && pieceEnd - at <= MAX_COPIED) {
        value = text.slice(at - base, pieceEnd - base);
      } else value = bytes.toString(isPlain ? 'latin1' : 'utf8', at, pieceEnd);
      cursor.at = pieceEnd;
    }
    headers.push(key, value);
  }
  return headers;
}

function isAscii(bytes: Buffer, from: number, until: number): boolean {
  let all = 0;
  for (let at = from; at < until; at++) all |= bytes[at] as number;
  return all < 0x80;
}

function fromDecoded(decoded: ProcessingRequest): ProxyMessage {
  const message = new Message();
  message.phase = decoded.request;
  const headers = decoded.requestHeaders ?? decoded.responseHeaders;
  const trailers = decoded.requestTrailers ?? decoded.responseTrailers;
  const body = decoded.requestBody ?? decoded.responseBody;
  message.headers = headerList(headers?.headers ?? trailers?.trailers);
  message.body = body?.body ?? NO_BODY;
  message.endOfStream = (headers ?? body)?.endOfStream ?? false;
  message.metadataContext = decoded.metadataContext;
  message.protocolConfig = decoded.protocolConfig;
  return message;
}

const headerList = (map: HeaderMap | null | undefined): readonly string[] =>
  (map?.headers ?? []).flatMap(({ key, value, rawValue }) => [
    key,
    rawValue.length > 0 ? asBuffer(rawValue).toString() : value,
  ]);

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

// The generated root carries no types of its own.
const generated = envoy as unknown as {
  config: { core: { v3: Record<string, unknown> } };
  service: { ext_proc: { v3: Record<string, unknown> } };
};

const metadata = codecOf<Metadata, never>(
  'envoy.config.core.v3.Metadata',
  generated.config.core.v3['Metadata'],
);
const protocolConfiguration = codecOf<ProtocolConfiguration, never>(
  'envoy.service.ext_proc.v3.ProtocolConfiguration',
  generated.service.ext_proc.v3['ProtocolConfiguration'],
);
