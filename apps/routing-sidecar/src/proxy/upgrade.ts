// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream';
import type { Pool } from 'undici';
import { passedHeaders } from './passed-headers.ts';

export interface UpgradeRequest {
  readonly pool: Pool;
  readonly request: IncomingMessage;
  /** The client's connection, and what came on it behind the head. */
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Longest silence, of both sides. */
  readonly idleTimeoutMs: number;
}

/**
 * Passes a connection on that wants to speak WebSocket, and then every byte of it, each side at
 * the other's pace. Where the server does not want to, the client gets a 502. Resolves when it is over; never rejects.
 */
export async function passUpgrade(options: UpgradeRequest): Promise<void> {
  const { pool, request, socket, head, idleTimeoutMs } = options;
  // A client that leaves is found by the pipes.
  socket.on('error', () => undefined);
  const gone = new AbortController();
  const leave = (): void => {
    gone.abort();
  };
  socket.on('close', leave);
  try {
    const upgraded = await pool.upgrade({
      path: request.url ?? '/',
      headers: [...passedHeaders(request.rawHeaders, request.headers.connection)],
      protocol: 'websocket',
      signal: gone.signal,
    });
    const lines = Object.entries(upgraded.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
    );
    socket.write(`HTTP/1.1 101 ${STATUS_CODES[101] ?? ''}\r\n${lines.join('')}\r\n`);
    if (head.length > 0) upgraded.socket.write(head);
    for (const side of [socket, upgraded.socket]) endWhenSilent(side, idleTimeoutMs);
    await Promise.all([joined(socket, upgraded.socket), joined(upgraded.socket, socket)]);
  } catch {
    socket.end('HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  } finally {
    socket.off('close', leave);
  }
}

function endWhenSilent(side: Duplex, idleTimeoutMs: number): void {
  if (side instanceof Socket) side.setTimeout(idleTimeoutMs, () => side.destroy());
}

/** Resolves when one direction is over, however. */
const joined = (from: Duplex, to: Duplex): Promise<void> =>
  new Promise((resolve) => {
    pipeline(from, to, () => {
      resolve();
    });
  });
