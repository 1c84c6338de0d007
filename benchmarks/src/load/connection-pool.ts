// SPDX-License-Identifier: Apache-2.0
import { HttpConnection } from './http-connection.ts';

/** Open connections that requests take turns on, as many as are needed. */
export interface ConnectionPool {
  /** Sends a request at once and resolves with the time, in ms, until its answer was complete. */
  exchange(request: Buffer): Promise<number>;
  close(): void;
}

/** Opens `warm` connections; more are opened when all are busy, which then counts as a part of the time. */
export async function startConnectionPool(port: number, warm: number): Promise<ConnectionPool> {
  let closed = false;
  const failed = (error: Error): void => {
    if (!closed) throw error;
  };
  const idle = await Promise.all(
    Array.from({ length: warm }, () => HttpConnection.open(port, failed)),
  );
  return {
    exchange: async (request) => {
      const startMs = performance.now();
      const connection = idle.pop() ?? (await HttpConnection.open(port, failed));
      return new Promise((resolve) => {
        connection.send(request, {
          onEnd: ({ status }) => {
            if (status !== 200) throw new Error(`a request was answered with ${status}`);
            const tookMs = performance.now() - startMs;
            idle.push(connection);
            resolve(tookMs);
          },
        });
      });
    },
    close: () => {
      closed = true;
      for (const connection of idle) connection.destroy();
    },
  };
}
