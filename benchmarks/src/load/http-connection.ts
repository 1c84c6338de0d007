// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net';

/** What an answer looked like from outside. */
export interface Answer {
  readonly status: number;
  readonly bodyBytes: number;
}

/** Told about the answer to the request at hand. */
export interface AnswerHandler {
  /** Bytes of the body came. */
  onBody?(piece: Buffer): void;
  onEnd(answer: Answer): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/**
 * One kept-alive HTTP/1.1 connection that sends prepared bytes and reads answers with as little work as possible: a load
 * generator on one core has to be several times cheaper than what it loads. The body of a chunked answer is taken to
 * be over when a read ends with the last chunk, which holds for bodies that never contain one.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #handler: AnswerHandler | undefined;
  #head: Buffer | undefined;
  #status = 0;
  /** Bytes of the body that are to come; -1 for a chunked one; undefined before the head. */
  #remaining: number | undefined;
  #bodyBytes = 0;

  private constructor(socket: Socket, failed: (error: Error) => void) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#read(chunk);
    });
    socket.on('error', failed);
    socket.on('close', () => {
      if (this.#handler !== undefined) failed(new Error('the connection closed before the answer'));
    });
  }

  /** Opens a connection. `failed` is called when it breaks with an answer outstanding. */
  static open(port: number, failed: (error: Error) => void): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket, failed));
      });
      socket.once('error', reject);
    });
  }

  /** Sends a whole request. The one before must have been answered. */
  send(request: Buffer, handler: AnswerHandler): void {
    this.#handler = handler;
    this.#remaining = undefined;
    this.#bodyBytes = 0;
    this.#socket.write(request);
  }

  /** Cuts the connection, whatever is outstanding. */
  destroy(): void {
    this.#handler = undefined;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#remaining !== undefined) {
      this.#readBody(chunk);
      return;
    }
    const bytes = this.#head === undefined ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) {
      this.#head = bytes;
      return;
    }
    this.#head = undefined;
    const head = bytes.toString('latin1', 0, end);
    this.#status = Number(head.slice(9, 12));
    const length = CONTENT_LENGTH.exec(head)?.[1];
    this.#remaining = length === undefined ? -1 : Number(length);
    this.#readBody(bytes.subarray(end + HEAD_END.length));
  }

  #readBody(piece: Buffer): void {
    this.#bodyBytes += piece.length;
    const handler = this.#handler;
    if (piece.length > 0) handler?.onBody?.(piece);
    const over =
      this.#remaining === -1
        ? piece.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
        : (this.#remaining = (this.#remaining ?? 0) - piece.length) <= 0;
    if (!over) return;
    this.#handler = undefined;
    handler?.onEnd({ status: this.#status, bodyBytes: this.#bodyBytes });
  }
}
