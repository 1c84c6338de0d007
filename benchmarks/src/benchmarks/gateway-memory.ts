// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, BenchmarkOptions } from '../benchmark.ts';
import { streamChunk, streamEnd, streamHead, wholeAnswer } from '../load/answers.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { chatRequest } from '../load/chat-requests.ts';
import { smallExposition } from '../load/expositions.ts';
import { HttpConnection } from '../load/http-connection.ts';
import { residentMbOf } from '../measuring/process-accounts.ts';
import { median, quantile } from '../measuring/statistics.ts';
import { startGateway } from '../system/gateway-process.ts';
import type { SubjectProcess } from '../system/subject-process.ts';

const REQUESTS_PER_SECOND = 400;
const CHUNKS_PER_STREAM = 50;
const CHUNK_PAUSE_MS = 20;
/** An aborting client leaves after this much of its stream. */
const ABORT_AFTER_MS = 300;

const requests = {
  whole: chatRequest({ bytes: 8192 }),
  large: chatRequest({ bytes: 204_800 }),
  stream: chatRequest({ bytes: 8192, stream: true, headers: { 'x-answer': 'stream' } }),
  invalid: Buffer.from(
    'POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\ncontent-length: 10\r\n\r\n{"model":1',
  ),
};
type Kind = keyof typeof requests;

/** What arrives, over and over: mostly ordinary requests, a fifth streams of which half are abandoned. */
const MIX: readonly (Kind | 'abandoned')[] = [
  ...(['whole', 'whole', 'stream', 'whole', 'whole', 'abandoned'] as const),
  ...(['whole', 'large', 'whole', 'invalid'] as const),
];

async function streamTo(socket: Socket): Promise<void> {
  socket.write(streamHead);
  for (let i = 0; i < CHUNKS_PER_STREAM && !socket.destroyed; i++) {
    socket.write(streamChunk);
    await pause(CHUNK_PAUSE_MS);
  }
  if (!socket.destroyed) socket.write(streamEnd);
}

/** One client on a connection of its own, as a burst of new users is. */
async function visit(port: number, kind: (typeof MIX)[number]): Promise<void> {
  const connection = await HttpConnection.open(port, () => undefined);
  const request = requests[kind === 'abandoned' ? 'stream' : kind];
  if (kind === 'abandoned') {
    connection.send(request, { onEnd: () => undefined });
    await pause(ABORT_AFTER_MS);
  } else {
    await new Promise<void>((resolve) => {
      connection.send(request, {
        onEnd: () => {
          resolve();
        },
      });
    });
  }
  connection.destroy();
}

/** Starts visits at a steady rate until the returned function is called. */
function startVisits(port: number): () => void {
  let started = 0;
  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) / 1000) * REQUESTS_PER_SECOND;
    for (; started < due; started++) void visit(port, MIX[started % MIX.length] ?? 'whole');
  }, 5);
  return () => {
    clearInterval(timer);
  };
}

/** What a gateway held at one moment, in MB. */
interface Held {
  readonly resident: number;
  /** JavaScript objects and buffers, garbage that has not been collected included. */
  readonly heap: number;
}

/** Sums what the gateway's own metrics say about its heap and its buffers. */
async function heapMbOf(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const text = await answer.text();
  const bytesOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  return (bytesOf('nodejs_heap_size_used_bytes') + bytesOf('nodejs_external_memory_bytes')) / 1e6;
}

async function heldEverySecond({ pid, port }: SubjectProcess, seconds: number): Promise<Held[]> {
  const samples: Held[] = [];
  for (let second = 0; second < seconds; second++) {
    await pause(1000);
    samples.push({ resident: residentMbOf(pid), heap: await heapMbOf(port) });
  }
  return samples;
}

/** By how many per cent a quantity grew from the second quarter of a run to its last. The first one warms up. */
function growthOf(held: readonly Held[], quantity: (part: readonly Held[]) => number): number {
  const quarter = Math.floor(held.length / 4);
  return (quantity(held.slice(-quarter)) / quantity(held.slice(quarter, 2 * quarter)) - 1) * 100;
}

async function run({ quick }: BenchmarkOptions) {
  await using servers = await startCannedServers({
    count: 4,
    exposition: smallExposition(),
    answer: (socket, head) => {
      if (head.includes('x-answer: stream')) void streamTo(socket);
      else socket.write(wholeAnswer);
    },
  });
  await using gateway = await startGateway(servers.urls);
  const idle = await heldEverySecond(gateway, 10);
  const stop = startVisits(gateway.port);
  const loaded = await heldEverySecond(gateway, quick ? 60 : 600);
  stop();
  await pause(CHUNKS_PER_STREAM * CHUNK_PAUSE_MS * 2);
  return {
    figures: [
      {
        name: 'idle',
        unit: 'MB',
        samples: idle.map(({ resident }) => resident),
        bar: { atMost: 150 },
      },
      { name: 'under load', unit: 'MB', samples: loaded.map(({ resident }) => resident) },
      {
        name: 'growth of resident memory',
        unit: '%',
        samples: [growthOf(loaded, (part) => median(part.map(({ resident }) => resident)))],
        bar: { atMost: 5 },
      },
      {
        // The low water, just after a collection: what is in use. Resident memory also keeps what malloc once had.
        name: 'growth of heap and buffers in use',
        unit: '%',
        samples: [
          growthOf(loaded, (part) =>
            quantile(
              part.map(({ heap }) => heap),
              0.05,
            ),
          ),
        ],
      },
    ],
    remarks: [],
  };
}

/** Whether the gateway's memory is small and stays so. */
export const gatewayMemory: Benchmark = {
  name: 'gateway-memory',
  summary: `resident memory over ten minutes (quick: one) of ${REQUESTS_PER_SECOND} mixed requests a second`,
  runnerIs: 'generator',
  run,
};
