// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.ts';
import { streamChunk, streamEnd, streamHead } from '../load/answers.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { chatRequest } from '../load/chat-requests.ts';
import { startClosedLoop } from '../load/closed-loop.ts';
import { smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startGateway } from '../system/gateway-process.ts';

const STREAMS = 500;
const CHUNKS_PER_STREAM = 500;
/** Paced streams send this often: 20,000 chunks a second together, which no gateway under test should feel. */
const PACE_MS = 25;
/** A stream whose client lags by this much waits, as an engine's does. */
const MOST_BUFFERED_BYTES = 64 * 1024;

/** Writes chunks to all open streams, one `write` for each. */
class StreamWriter {
  sent = 0;
  readonly #open = new Map<Socket, number>();

  begin(socket: Socket): void {
    socket.write(streamHead);
    this.#open.set(socket, CHUNKS_PER_STREAM);
  }

  /** One chunk to every stream that keeps up. */
  round(): void {
    for (const [socket, left] of this.#open) {
      if (socket.destroyed) this.#open.delete(socket);
      if (socket.destroyed || socket.writableLength > MOST_BUFFERED_BYTES) continue;
      socket.write(streamChunk);
      this.sent++;
      if (left > 1) this.#open.set(socket, left - 1);
      else {
        this.#open.delete(socket);
        socket.write(streamEnd);
      }
    }
  }

  /** Sends rounds until the returned function is called: every `PACE_MS`, or one after the other. */
  start(paced: boolean): () => void {
    let stopped = false;
    const run = (): void => {
      this.round();
      if (!stopped) next();
    };
    let dueMs = performance.now();
    const next = (): void => {
      if (!paced) setImmediate(run);
      else setTimeout(run, Math.max(0, (dueMs += PACE_MS) - performance.now()));
    };
    next();
    return () => {
      stopped = true;
    };
  }
}

/** How many chunks of streamed answers pass a gateway. */
export const gatewayStreaming: Benchmark = {
  name: 'gateway-streaming',
  summary: `${STREAMS} concurrent streams of 250-byte events, one event in a write`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    const writer = new StreamWriter();
    await using servers = await startCannedServers({
      count: 4,
      exposition: smallExposition(),
      answer: (socket) => {
        writer.begin(socket);
      },
    });
    await using gateway = await startGateway(servers.urls);
    const load = await startClosedLoop(gateway.port, {
      connections: STREAMS,
      requests: [chatRequest({ bytes: 1024, stream: true })],
    });
    const windows: Window[] = [];
    const measure = async (paced: boolean) => {
      const stop = writer.start(paced);
      await pause(quick ? 1500 : 4000);
      const rates: number[] = [];
      const perCore: number[] = [];
      for (let repetition = 0; repetition < (quick ? 2 : 5); repetition++) {
        const before = writer.sent;
        const window = await watch(gateway.pid, quick ? 1000 : 4000);
        windows.push(window);
        rates.push(((writer.sent - before) * 1000) / window.wallMs);
        perCore.push(((writer.sent - before) * 1000) / window.cpuMs);
      }
      stop();
      await pause(PACE_MS * 2);
      return { rates, perCore };
    };
    const flatOut = await measure(false);
    const paced = await measure(true);
    load.stop();
    const figures: Figure[] = [
      {
        name: 'chunks per core, flat out',
        unit: '1/CPU s',
        samples: flatOut.perCore,
        bar: { atLeast: 60_000 },
      },
      { name: 'chunks, flat out', unit: '1/s', samples: flatOut.rates },
      { name: 'chunks per core, paced', unit: '1/CPU s', samples: paced.perCore },
      { name: 'chunks, paced', unit: '1/s', samples: paced.rates },
    ];
    return { figures, remarks: remarksOn(windows) };
  },
};
