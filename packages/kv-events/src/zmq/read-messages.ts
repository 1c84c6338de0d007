// SPDX-License-Identifier: Apache-2.0
import type { Dealer, Subscriber } from 'zeromq';

/**
 * Hands every message of a socket to `take`, as fast as they come, until the socket is closed. One that is closed while a
 * message is under way may fail in a number of ways, which all mean the same then.
 */
export async function readMessages(
  socket: Subscriber | Dealer,
  take: (frames: readonly Buffer[]) => void,
): Promise<void> {
  const isClosed = (): boolean => socket.closed;
  while (!isClosed()) {
    let frames: readonly Buffer[];
    try {
      frames = await socket.receive();
    } catch (error) {
      if (isClosed()) return;
      throw error;
    }
    take(frames);
  }
}
