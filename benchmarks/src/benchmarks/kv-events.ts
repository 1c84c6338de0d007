// SPDX-License-Identifier: Apache-2.0
import { systemClock, systemRandom } from '@llm-d/determinism';
import { type KvMessage, createKvFollower } from '@llm-d/kv-events';
import { followEngine } from '@llm-d/kv-events/zmq';
import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Readable, Writable } from 'node:stream';
import type { Bar, Benchmark, Figure } from '../benchmark.ts';
import { GENERATOR_CORE, pinned } from '../system/pinning.ts';
import type { KvEventStream } from './kv-event-stream.ts';

interface Case {
  readonly name: string;
  readonly mode: 'live' | 'history';
  readonly stream: KvEventStream;
  readonly bar?: Bar;
}

const large = { blockSizeTokens: 16, blocksPerEvent: 64, eventsPerBatch: 1 };

const CASES: readonly Case[] = [
  {
    name: 'live, 64 blocks a batch',
    mode: 'live',
    stream: large,
    // A core for a hundred engines of 100 steps a second.
    bar: { atMost: 100 },
  },
  {
    name: 'live, 16 events of one block',
    mode: 'live',
    stream: { blockSizeTokens: 16, blocksPerEvent: 1, eventsPerBatch: 16 },
  },
  { name: 'replayed, 64 blocks a batch', mode: 'history', stream: large },
];

/** What came of one following. */
interface Followed {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly lost: number;
}

/** From an engine's sockets into the index, by way of the follower, in one thread. */
export const kvEvents: Benchmark = {
  name: 'kv-events',
  summary: 'KV events of one engine from its ZeroMQ sockets into the index in memory',
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const batches = quick ? 2000 : 10_000;
    const figures: Figure[] = [];
    let lost = 0;
    for (const { name, mode, stream, bar } of CASES) {
      const runs: Followed[] = [];
      for (let repetition = 0; repetition <= (quick ? 1 : 5); repetition++) {
        const followed = await follow(mode, batches, stream);
        lost += followed.lost;
        if (repetition > 0) runs.push(followed);
      }
      const blocks = stream.blocksPerEvent * stream.eventsPerBatch;
      const perSecond = (count: number) => runs.map(({ seconds }) => count / seconds);
      const cpu = runs.map(({ cpuSeconds }) => (cpuSeconds * 1e6) / batches);
      figures.push(
        { name, unit: 'messages/s', samples: perSecond(batches) },
        { name, unit: 'M blocks/s', samples: perSecond((batches * blocks) / 1e6) },
        { name, unit: 'µs CPU/message', samples: cpu, ...(bar && { bar }) },
      );
    }
    const remarks = [
      'messages/s and blocks/s are by the clock: one engine may publish slower than that',
    ];
    return { figures, remarks: lost === 0 ? remarks : [...remarks, `${lost} batches were lost`] };
  },
};

/** Follows one engine until its last batch is in the index; counts from the first one. */
async function follow(
  mode: Case['mode'],
  batches: number,
  stream: KvEventStream,
): Promise<Followed> {
  const { blocksPerEvent, eventsPerBatch, blockSizeTokens } = stream;
  const numbers = [batches, blocksPerEvent, eventsPerBatch, blockSizeTokens].map(String);
  const publisher = publish([mode, ...numbers]);
  const exited = once(publisher, 'exit');
  const [line] = (await once(createInterface({ input: publisher.stdout }), 'line')) as [string];
  const sockets = JSON.parse(line) as { endpoint: string; replayEndpoint: string };
  const index = createMemoryKvBlockIndex({ blockSizeTokens });
  const follower = createKvFollower({ index, clock: systemClock, telemetry: noopTelemetry });
  const ending = new AbortController();
  const count = counting(batches);
  const done = followEngine({
    ...sockets,
    ...{ pod: '10.0.0.1:8000', dpRank: 0, epoch: '1' },
    onMessage: (message) => {
      const applied = follower.onMessage(message);
      count.see(message);
      return applied;
    },
    ...{ clock: systemClock, random: systemRandom, telemetry: noopTelemetry },
    signal: ending.signal,
  });
  publisher.stdin.write('go\n');
  await count.all;
  ending.abort();
  await done;
  publisher.stdin.end();
  await exited;
  return { ...count.taken(), lost: follower.freshness().lostBatches };
}

function publish(args: readonly string[]): ChildProcessByStdio<Writable, Readable, null> {
  const script = fileURLToPath(new URL('../load/kv-event-publisher.ts', import.meta.url));
  const [program = '', ...rest] = pinned(GENERATOR_CORE, [
    process.execPath,
    ...process.execArgv,
    script,
    ...args,
  ]);
  return spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
}

function counting(batches: number) {
  const { promise: all, resolve } = Promise.withResolvers<undefined>();
  let startMs: number | undefined;
  let startCpu = process.cpuUsage();
  let taken = { seconds: 0, cpuSeconds: 0 };
  return {
    all,
    taken: () => taken,
    see: (message: KvMessage) => {
      if (message.kind === 'gone' || message.kind === 'heartbeat') return;
      if (startMs === undefined) {
        startMs = performance.now();
        startCpu = process.cpuUsage();
      }
      const last = message.kind === 'batch' ? message.sequence : message.untilSequence;
      if (last < batches - 1) return;
      const { user, system } = process.cpuUsage(startCpu);
      const seconds = (performance.now() - startMs) / 1000;
      taken = { seconds, cpuSeconds: (user + system) / 1e6 };
      resolve(undefined);
    },
  };
}
