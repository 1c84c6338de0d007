// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';
import type { ExtProcScript } from './ext-proc-scripts.ts';
import {
  ACK,
  FRAME_HEAD_BYTES,
  Frame,
  frame,
  stamp,
  type FrameTemplate,
  type TemplateFrame,
} from './frame-template.ts';
import { Answered, endsStream, phaseOf } from './processing-answers.ts';

/** Told about one exchange. */
export interface ExchangeListener {
  /** The processor named a destination, or refused: this long, in ms, after the request's last byte was written. */
  onRouted?(tookMs: number): void;
  /** A chunk of the answer's body came back. */
  onChunk?(): void;
  /** Everything came back that had to. */
  onEnd(): void;
}

interface Exchange {
  readonly id: number;
  readonly script: ExtProcScript;
  readonly listener: ExchangeListener;
  sentMs: number;
  chunksSent: number;
  chunksBack: number;
  sendWindow: number;
  /** Frames that the windows did not let through. */
  readonly held: {
    readonly bytes: Buffer;
    readonly frames: readonly TemplateFrame[];
    next: number;
  }[];
  partial: Buffer | undefined;
}

const WINDOW_BYTES = 2 ** 24;
const INTERNAL_ERROR = Buffer.from([0, 0, 0, 2]);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export interface ConnectionOptions {
  readonly port: number;
  /** How many chunks of an answer may be on their way at once. Default 1: the next when the last has come back. */
  readonly chunksInFlight?: number;
  /** Told when the connection breaks, or a stream is refused or reset. */
  readonly failed: (error: Error) => void;
}

/**
 * One connection that speaks ext_proc as Envoy does, in prepared bytes, and reads no more of the answers than it must.
 * It ends every stream with a reset, as Envoy does.
 */
export class ExtProcConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #exchanges = new Map<number, Exchange>();
  #rest: Buffer | undefined;
  #nextId = 1;
  #sendWindow = 65_535;
  #initialWindow = 65_535;
  #consumed = 0;
  #closing = false;

  private constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk) => {
      socket.cork();
      this.#read(chunk);
      socket.uncork();
    });
    socket.on('error', (error) => {
      this.#fail(error);
    });
    socket.on('close', () => {
      this.#fail(new Error('the connection closed'));
    });
    const settings = Buffer.concat([Buffer.from([0, 4]), u32(WINDOW_BYTES)]);
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        frame(Frame.settings, 0, 0, settings),
        frame(Frame.windowUpdate, 0, 0, u32(WINDOW_BYTES)),
      ]),
    );
  }

  static open(options: ConnectionOptions): Promise<ExtProcConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true }, () => {
        socket.off('error', reject);
        resolve(new ExtProcConnection(socket, options));
      });
      socket.once('error', reject);
    });
  }

  /** Begins an exchange. */
  start(script: ExtProcScript, listener: ExchangeListener): void {
    const id = this.#nextId;
    this.#nextId += 2;
    const exchange: Exchange = {
      id,
      script,
      listener,
      sentMs: performance.now(),
      chunksSent: 0,
      chunksBack: 0,
      sendWindow: this.#initialWindow,
      held: [],
      partial: undefined,
    };
    this.#exchanges.set(id, exchange);
    this.#send(exchange, script.request);
  }

  get open(): number {
    return this.#exchanges.size;
  }

  destroy(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (!this.#closing) this.#options.failed(error);
    this.#closing = true;
  }

  #send(exchange: Exchange, template: FrameTemplate): void {
    const bytes = stamp(template, exchange.id);
    const { dataBytes } = template;
    const fits = Math.min(exchange.sendWindow, this.#sendWindow) >= dataBytes;
    if (fits && exchange.held.length === 0) {
      exchange.sendWindow -= dataBytes;
      this.#sendWindow -= dataBytes;
      this.#socket.write(bytes);
      return;
    }
    exchange.held.push({ bytes, frames: template.frames, next: 0 });
    this.#release(exchange);
  }

  #release(exchange: Exchange): void {
    for (let item = exchange.held[0]; item !== undefined; item = exchange.held[0]) {
      for (; item.next < item.frames.length; item.next++) {
        const place = item.frames[item.next] as TemplateFrame;
        if (Math.min(exchange.sendWindow, this.#sendWindow) < place.dataBytes) return;
        exchange.sendWindow -= place.dataBytes;
        this.#sendWindow -= place.dataBytes;
        this.#socket.write(item.bytes.subarray(place.offset, place.offset + place.length));
        exchange.sentMs = performance.now();
      }
      exchange.held.shift();
    }
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const [type = 0, flags = 0] = bytes.subarray(at + 3, at + 5);
      const id = bytes.readUInt32BE(at + 5);
      this.#frame({ type, flags, id }, bytes.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? undefined : bytes.subarray(at);
  }

  #frame(
    { type, flags, id }: { readonly type: number; readonly flags: number; readonly id: number },
    payload: Buffer,
  ): void {
    const exchange = this.#exchanges.get(id);
    switch (type) {
      case Frame.data:
        this.#consumed += payload.length;
        if (this.#consumed > WINDOW_BYTES / 2) {
          this.#socket.write(frame(Frame.windowUpdate, 0, 0, u32(this.#consumed)));
          this.#consumed = 0;
        }
        if (exchange !== undefined) this.#data(exchange, payload);
        break;
      case Frame.settings:
        if (flags === ACK) break;
        for (let i = 0; i < payload.length; i += 6) {
          if (payload.readUInt16BE(i) === 4) this.#resize(payload.readUInt32BE(i + 2));
        }
        this.#socket.write(frame(Frame.settings, ACK, 0, Buffer.alloc(0)));
        break;
      case Frame.ping:
        if (flags !== ACK) this.#socket.write(frame(Frame.ping, ACK, 0, payload));
        break;
      case Frame.windowUpdate:
        if (id === 0) this.#sendWindow += payload.readUInt32BE(0);
        else if (exchange !== undefined) exchange.sendWindow += payload.readUInt32BE(0);
        for (const waiting of id === 0 ? this.#exchanges.values() : exchange ? [exchange] : []) {
          this.#release(waiting);
        }
        break;
      case Frame.rstStream:
      case Frame.goaway:
        if (type === Frame.goaway || exchange !== undefined) {
          this.#fail(
            new Error(
              `frame type ${type}, error code ${payload.readUInt32BE(payload.length > 4 ? 4 : 0)}`,
            ),
          );
        }
        break;
    }
  }

  /** A new initial window moves the windows of open streams as well (RFC 9113 §6.9.2). */
  #resize(initialWindow: number): void {
    const change = initialWindow - this.#initialWindow;
    this.#initialWindow = initialWindow;
    for (const exchange of this.#exchanges.values()) {
      exchange.sendWindow += change;
      this.#release(exchange);
    }
  }

  #data(exchange: Exchange, payload: Buffer): void {
    const bytes =
      exchange.partial === undefined ? payload : Buffer.concat([exchange.partial, payload]);
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.#message(exchange, bytes.subarray(at + 5, end));
      at = end;
    }
    exchange.partial = at === bytes.length ? undefined : bytes.subarray(at);
  }

  #message(exchange: Exchange, message: Buffer): void {
    const { script, listener } = exchange;
    switch (phaseOf(message)) {
      case Answered.requestHeaders:
        listener.onRouted?.(performance.now() - exchange.sentMs);
        break;
      case Answered.requestBody:
        if (endsStream(message)) this.#send(exchange, script.responseHead);
        break;
      case Answered.responseHeaders:
        this.#sendChunks(exchange);
        break;
      case Answered.responseBody:
        listener.onChunk?.();
        exchange.chunksBack++;
        if (endsStream(message)) this.#end(exchange);
        else this.#sendChunks(exchange);
        break;
      case Answered.immediate:
        this.#fail(new Error(`refused: ${message.toString('latin1')}`));
        break;
    }
  }

  #sendChunks(exchange: Exchange): void {
    const { script } = exchange;
    const most = this.#options.chunksInFlight ?? 1;
    while (
      exchange.chunksSent < script.chunks &&
      exchange.chunksSent - exchange.chunksBack < most
    ) {
      exchange.chunksSent++;
      this.#send(exchange, script.chunk);
    }
    // A processor that collects a whole body answers nothing until it has the end.
    if (exchange.chunksSent === script.chunks) {
      exchange.chunksSent++;
      this.#send(exchange, script.end);
    }
  }

  #end(exchange: Exchange): void {
    this.#exchanges.delete(exchange.id);
    this.#socket.write(frame(Frame.rstStream, 0, exchange.id, INTERNAL_ERROR));
    exchange.listener.onEnd();
  }
}
