// SPDX-License-Identifier: Apache-2.0
import { encodeHeaders } from '../hpack/encoder.ts';
import type { Http2Stream, StreamHandler } from '../http2/stream.ts';

/** Answers a request that is no gRPC call in plain HTTP, once it is complete. Its body is thrown away. */
export class Refusal implements StreamHandler {
  readonly #stream: Http2Stream;
  readonly #status: 405 | 415;

  constructor(stream: Http2Stream, status: 405 | 415) {
    this.#stream = stream;
    this.#status = status;
  }

  data(payload: Buffer): void {
    this.#stream.consumed(payload.length);
  }

  remoteEnd(): void {
    const body = Buffer.from('This is a gRPC server: POST with content-type application/grpc.\n');
    const head = encodeHeaders([
      [':status', String(this.#status)],
      ['content-type', 'text/plain'],
      ['content-length', String(body.length)],
    ]);
    this.#stream.respond(head, { endStream: false });
    this.#stream.write([body]);
    this.#stream.finish(null);
  }

  writable(): void {
    // The one body is all there is to say.
  }

  closed(): void {
    // Nothing is held.
  }
}
