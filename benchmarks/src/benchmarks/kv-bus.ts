// SPDX-License-Identifier: Apache-2.0
import type { KvBatchMessage, KvBus } from '@llm-d/kv-events';
import { connectNatsKvBus, type NatsKvBus } from '@llm-d/kv-events/nats';
import { findNatsServer, pathOf, startNatsServer, type NatsServer } from '@llm-d/test-kit';
import type { Benchmark, Figure } from '../benchmark.ts';
import { quantile } from '../measuring/statistics.ts';
import { GENERATOR_CORE, pinProcess } from '../system/pinning.ts';

const SOURCES = 64;
const never = new AbortController().signal;

interface Case {
  readonly title: string;
  readonly payloadBytes: number;
  readonly sources: number;
  readonly storage: 'file' | 'memory';
}

const CASES: readonly Case[] = [
  { title: '1 KB, file', payloadBytes: 1024, sources: SOURCES, storage: 'file' },
  { title: '5 KB, file', payloadBytes: 5 * 1024, sources: SOURCES, storage: 'file' },
  { title: '1 KB, memory', payloadBytes: 1024, sources: SOURCES, storage: 'memory' },
  { title: '1 KB, file, one source', payloadBytes: 1024, sources: 1, storage: 'file' },
];

/** What came of one run of a case. */
interface Run {
  readonly published: number;
  readonly read: number;
  readonly publishCpu: number;
  readonly readCpu: number;
}

/** Batches through a real NATS server on another core: published until it has them, then read. */
export const kvBus: Benchmark = {
  name: 'kv-bus',
  summary: `KV events of ${SOURCES} sources through NATS JetStream on another core`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    await using server = await startNatsServer({ path: pathOf(await findNatsServer()) });
    pinProcess(await server.pid(), GENERATOR_CORE);
    const [messages, repetitions] = quick ? [2000, 2] : [20_000, 5];
    const figures: Figure[] = [];
    for (const [i, one] of CASES.entries()) {
      const runs: Run[] = [];
      for (let repetition = 0; repetition <= repetitions; repetition++) {
        const run = await runCase(server, one, { messages, stream: `B${i}_${repetition}` });
        if (repetition > 0) runs.push(run);
      }
      figures.push(...figuresOf(one, runs));
    }
    figures.push(...(await latencies(server, { seconds: quick ? 2 : 10, repetitions })));
    return { figures, remarks: [] };
  },
};

const figuresOf = ({ title, sources }: Case, runs: readonly Run[]): readonly Figure[] => [
  {
    name: `published, ${title}`,
    unit: 'messages/s',
    samples: runs.map(({ published }) => published),
    // A hundred engines of 100 steps a second; one of them replaying ten seconds of that in one.
    bar: { atLeast: sources === 1 ? 1000 : 10_000 },
  },
  { name: `published, ${title}`, unit: 'µs CPU/message', samples: runs.map((r) => r.publishCpu) },
  {
    name: `read, ${title}`,
    unit: 'messages/s',
    samples: runs.map(({ read }) => read),
    bar: { atLeast: 20_000 },
  },
  { name: `read, ${title}`, unit: 'µs CPU/message', samples: runs.map((r) => r.readCpu) },
];

const connectTo = (
  server: NatsServer,
  stream: string,
  storage: 'file' | 'memory',
): Promise<NatsKvBus> =>
  connectNatsKvBus({
    ...{ servers: server.url, stream, storage },
    ...{ subjectPrefix: `${stream}.ev`, heartbeatPrefix: `${stream}.hb` },
  });

const makeBatch = (source: number, sequence: number, payload: Uint8Array): KvBatchMessage => ({
  kind: 'batch',
  source: { pod: `10.0.0.${source}:8000`, dpRank: 0, model: 'Qwen/Qwen3-32B', epoch: 'e' },
  sequence,
  receivedMs: Date.now(),
  payload,
});

async function runCase(
  server: NatsServer,
  { payloadBytes, sources, storage }: Case,
  { messages, stream }: { readonly messages: number; readonly stream: string },
): Promise<Run> {
  await using bus = await connectTo(server, stream, storage);
  const payload = new Uint8Array(payloadBytes).fill(7);
  const publishing = await timed(() =>
    Promise.all(
      Array.from({ length: sources }, async (_, source) => {
        for (let i = 0; i < messages / sources; i++) {
          await bus.publish(makeBatch(source, i, payload), never);
        }
      }),
    ),
  );
  const total = Math.ceil(messages / sources) * sources;
  const reading = await timed(() => readSome(bus, total));
  return {
    published: total / publishing.seconds,
    read: total / reading.seconds,
    publishCpu: (publishing.cpuSeconds * 1e6) / total,
    readCpu: (reading.cpuSeconds * 1e6) / total,
  };
}

async function readSome(bus: KvBus, messages: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  const onMessage = (): void => {
    if (++seen === messages) stop.abort();
  };
  await bus.read({ onMessage }, { signal: stop.signal });
}

async function timed(work: () => Promise<unknown>) {
  const before = process.cpuUsage();
  const beganMs = performance.now();
  await work();
  const seconds = (performance.now() - beganMs) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** From `publish` to the reader at 1000 messages of 1 KB a second. */
async function latencies(
  server: NatsServer,
  { seconds, repetitions }: { readonly seconds: number; readonly repetitions: number },
): Promise<readonly Figure[]> {
  const [p50, p99]: [number[], number[]] = [[], []];
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    const all = await latencyRun(server, { stream: `L_${repetition}`, messages: 1000 * seconds });
    if (repetition === 0) continue;
    p50.push(quantile(all, 0.5));
    p99.push(quantile(all, 0.99));
  }
  return [
    { name: 'from publish to reader, p50', unit: 'ms', samples: p50 },
    { name: 'from publish to reader, p99', unit: 'ms', samples: p99, bar: { atMost: 20 } },
  ];
}

async function latencyRun(
  server: NatsServer,
  { stream, messages }: { readonly stream: string; readonly messages: number },
): Promise<number[]> {
  await using bus = await connectTo(server, stream, 'file');
  const stop = new AbortController();
  const sentMs = new Float64Array(messages);
  const took: number[] = [];
  const onMessage: Parameters<KvBus['read']>[0]['onMessage'] = (message) => {
    if (message.kind !== 'batch') return;
    took.push(performance.now() - (sentMs[message.sequence] ?? 0));
    if (took.length === messages) stop.abort();
  };
  const reading = bus.read({ onMessage }, { signal: stop.signal });
  const payload = new Uint8Array(1024);
  const beganMs = performance.now();
  for (let sent = 0; sent < messages;) {
    const due = Math.min(messages, Math.floor(performance.now() - beganMs));
    for (; sent < due; sent++) {
      sentMs[sent] = performance.now();
      void bus.publish(makeBatch(sent % SOURCES, sent, payload), never);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await reading;
  return took;
}
