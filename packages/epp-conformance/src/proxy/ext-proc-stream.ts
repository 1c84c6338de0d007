// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import {
  processingRequest,
  processingResponse,
  type ProcessingRequestInit,
  type ProcessingResponse,
} from '@llm-d/protos';
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { gunzipSync } from 'node:zlib';
import { framed, MessageReader } from './grpc-message.ts';
import { Mailbox } from './mailbox.ts';

/** How the endpoint picker ended a stream. */
export type StreamEnd =
  /** With a gRPC status. */
  | { readonly kind: 'status'; readonly code: number; readonly message: string }
  /** With RST_STREAM, or without a status. */
  | { readonly kind: 'reset'; readonly errorCode: number }
  /** Its answer is no gRPC. */
  | { readonly kind: 'broken'; readonly problem: string };

/** What comes from a stream. */
export type Arrival =
  | { readonly kind: 'message'; readonly message: ProcessingResponse }
  | { readonly kind: 'end'; readonly end: StreamEnd };

/** One ext_proc stream as the proxy holds it. */
export interface ExtProcStream {
  send(message: ProcessingRequestInit): void;
  /** Sends bytes in place of a message. */
  sendBytes(message: Uint8Array, options?: { readonly compressed?: boolean }): void;
  /** What came next; undefined when nothing came for `waitMs`. Nothing comes after an end. */
  receive(waitMs: number): Promise<Arrival | undefined>;
  /** Ends the stream as Envoy does: with RST_STREAM. Default INTERNAL_ERROR, what Envoy says from 1.37 on. */
  reset(errorCode?: number): void;
  /** Sends nothing more, as Envoy does with `ext_proc_graceful_grpc_close`. */
  halfClose(): void;
}

/** Speaks ext_proc on a stream of HTTP/2 whose request has been sent. */
export function createExtProcStream(stream: ClientHttp2Stream, clock: Clock): ExtProcStream {
  return new Http2ExtProcStream(stream, clock);
}

class Http2ExtProcStream implements ExtProcStream {
  readonly #stream: ClientHttp2Stream;
  readonly #arrivals: Mailbox<Arrival>;
  readonly #reader = new MessageReader();
  #status: StreamEnd | undefined;
  #ended = false;

  constructor(stream: ClientHttp2Stream, clock: Clock) {
    this.#stream = stream;
    this.#arrivals = new Mailbox(clock);
    stream.on('response', (headers) => {
      this.#head(headers);
    });
    stream.on('data', (chunk: Buffer) => {
      this.#data(chunk);
    });
    stream.on('trailers', (trailers: IncomingHttpHeaders) => {
      this.#readStatus(trailers);
    });
    // Every error is followed by 'close', which has its code.
    stream.on('error', () => undefined);
    stream.on('end', () => {
      if (this.#status !== undefined) this.#end(this.#status);
    });
    stream.on('close', () => {
      this.#end(this.#status ?? { kind: 'reset', errorCode: stream.rstCode });
    });
  }

  send(message: ProcessingRequestInit): void {
    this.sendBytes(processingRequest.encode(message));
  }

  sendBytes(message: Uint8Array, options: { readonly compressed?: boolean } = {}): void {
    if (this.#stream.writable) this.#stream.write(framed(message, options));
  }

  receive(waitMs: number): Promise<Arrival | undefined> {
    return this.#arrivals.take(waitMs);
  }

  reset(errorCode: number = constants.NGHTTP2_INTERNAL_ERROR): void {
    this.#stream.close(errorCode);
  }

  halfClose(): void {
    this.#stream.end();
  }

  #head(headers: IncomingHttpHeaders): void {
    const status = headers[':status'];
    // Node's types have it as an optional number.
    if (Number(status) !== 200) {
      this.#end({ kind: 'broken', problem: `HTTP status ${String(status)}` });
    }
    this.#readStatus(headers);
  }

  #readStatus(headers: IncomingHttpHeaders): void {
    const status = headers['grpc-status'];
    if (typeof status !== 'string') return;
    const message = headers['grpc-message'];
    this.#status = {
      kind: 'status',
      code: Number(status),
      message: typeof message === 'string' ? decodeURIComponentSafely(message) : '',
    };
  }

  #data(chunk: Buffer): void {
    for (const { isCompressed, bytes } of this.#reader.push(chunk)) {
      try {
        // No other encoding is ever offered.
        const message = processingResponse.decode(isCompressed ? gunzipSync(bytes) : bytes);
        this.#arrivals.put({ kind: 'message', message });
      } catch (error) {
        // Bytes that zlib or the codec cannot read; both throw nothing else.
        this.#end({
          kind: 'broken',
          problem: error instanceof Error ? error.message : 'unreadable',
        });
      }
    }
  }

  #end(end: StreamEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#arrivals.put({ kind: 'end', end });
  }
}

/** gRPC escapes messages with percent signs; a peer that does not is shown as it spoke. */
function decodeURIComponentSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
