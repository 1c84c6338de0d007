// SPDX-License-Identifier: Apache-2.0
import { HttpConnection } from './http-connection.ts';

/** Clients that each send their next request as soon as the last one was answered. */
export interface ClosedLoop {
  /** Answers so far. */
  readonly answered: number;
  /** Sends nothing more and cuts the connections. */
  stop(): void;
}

/** Starts `connections` clients. Any answer but 200, and any broken connection, ends the process with an error. */
export async function startClosedLoop(
  port: number,
  { connections, requests }: { readonly connections: number; readonly requests: readonly Buffer[] },
): Promise<ClosedLoop> {
  let answered = 0;
  let stopped = false;
  let next = 0;
  const failed = (error: Error): void => {
    if (!stopped) throw error;
  };
  const send = (connection: HttpConnection): void => {
    // The modulus keeps the index inside, and there is at least one request.
    const request = requests[next++ % requests.length] as Buffer;
    connection.send(request, {
      onEnd: ({ status }) => {
        if (status !== 200) throw new Error(`a request was answered with ${status}`);
        answered++;
        if (!stopped) send(connection);
      },
    });
  };
  const open = await Promise.all(
    Array.from({ length: connections }, () => HttpConnection.open(port, failed)),
  );
  for (const connection of open) send(connection);
  return {
    get answered() {
      return answered;
    },
    stop: () => {
      stopped = true;
      for (const connection of open) connection.destroy();
    },
  };
}
