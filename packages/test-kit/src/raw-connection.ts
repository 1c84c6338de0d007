// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect } from 'node:net';

/** A TCP connection for saying what no HTTP client would. */
export interface RawConnection extends Disposable {
  write(data: string | Uint8Array): void;
  /** Everything received so far, one character for each byte. */
  readonly text: string;
  /** Resolves with {@link text} once it matches; rejects when the connection closes without. */
  received(pattern: RegExp): Promise<string>;
  /** Resolves with {@link text} when the other side has closed. */
  readonly closed: Promise<string>;
  /** Stops reading, so that the other side's buffers fill. */
  pause(): void;
  resume(): void;
  /** Ends it without a word. */
  destroy(): void;
}

/** Connects to 127.0.0.1. */
export async function openRawConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  // A reset is one of the answers that tests ask for.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => {
      resolve(text);
    });
  });
  const destroy = (): void => {
    socket.destroy();
  };
  return {
    get text() {
      return text;
    },
    closed,
    write: (data) => {
      socket.write(data);
    },
    received: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(text)) return;
          socket.off('data', look);
          resolve(text);
        };
        socket.on('data', look);
        void closed.then(() => {
          reject(new Error(`closed without ${String(pattern)}, after: ${text}`));
        });
        look();
      }),
    pause: () => {
      socket.pause();
    },
    resume: () => {
      socket.resume();
    },
    destroy,
    [Symbol.dispose]: destroy,
  };
}
