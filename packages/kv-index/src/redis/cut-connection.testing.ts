// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';

/** A way to a server on loopback that can be cut. */
export interface CutConnection extends AsyncDisposable {
  readonly port: number;
  /** Cuts every connection after so many more bytes of requests have been let through. */
  cutAfter(bytes: number): void;
  /** How often it was cut. */
  readonly cuts: number;
}

/** Opens a way to a port. Disposing of it closes all connections. */
export async function openCutConnection(target: number): Promise<CutConnection> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let left = Infinity;
  let cuts = 0;
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
  };
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket
        .on('error', () => undefined)
        .on('close', () => {
          for (const one of pair) one.destroy();
          pairs.delete(pair);
        });
    }
    client.on('data', (chunk) => {
      upstream.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      left = Infinity;
      cuts++;
      // What was let through arrives; the answers do not.
      upstream.end();
      client.destroy();
      cut();
    });
    upstream.on('data', (chunk) => client.write(chunk));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    cutAfter: (bytes) => {
      left = bytes;
    },
    get cuts() {
      return cuts;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
