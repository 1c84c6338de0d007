// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { createKvFollower, type KvMessage } from '@llm-d/kv-events';
import { connectNatsKvBus } from '@llm-d/kv-events/nats';
import { startEngineSocket, type EngineSocket } from '@llm-d/kv-events/testing';
import { createMemoryKvBlockIndex } from '@llm-d/kv-index';
import { noopTelemetry } from '@llm-d/telemetry';
import {
  createTempDir,
  findNatsServer,
  pathOf,
  startNatsServer,
  startProgram,
} from '@llm-d/test-kit';
import type { Benchmark, Figure } from '../benchmark.ts';
import { quantile } from '../measuring/statistics.ts';
import { SUBJECT_CORE, pinProcess } from '../system/pinning.ts';
import { storedPayloads, type KvEventStream } from './kv-event-stream.ts';

const ENGINES = 32;
const STREAM: KvEventStream = { blockSizeTokens: 16, blocksPerEvent: 16, eventsPerBatch: 1 };
const RATES = [200, 1000];
/** Payloads are used again: what is in the index already is stored there once more, at the same cost. */
const PAYLOADS = 2000;
const PATIENCE_MS = 60_000;

/** From engines' sockets over a relay and NATS into the index of a follower. */
export const kvEndToEnd: Benchmark = {
  name: 'kv-end-to-end',
  summary: `KV events of ${ENGINES} engines over kv-relay and NATS, until a follower has them in its index`,
  // One clock measures both ends: engines and follower share a process.
  runnerIs: 'generator',
  run: async ({ quick }) => {
    await using way = await openWay();
    const [seconds, repetitions] = quick ? [2, 2] : [10, 5];
    const figures: Figure[] = [];
    for (const perSecond of RATES) {
      const [p50, p99]: [number[], number[]] = [[], []];
      for (let repetition = 0; repetition <= repetitions; repetition++) {
        const delays = await way.send(perSecond, seconds);
        // The first one only warms up.
        if (repetition === 0) continue;
        p50.push(quantile(delays, 0.5));
        p99.push(quantile(delays, 0.99));
      }
      const name = `${perSecond} batches/s, ${perSecond * STREAM.blocksPerEvent} blocks/s`;
      figures.push(
        { name: `${name}, p50`, unit: 'ms', samples: p50 },
        { name: `${name}, p99`, unit: 'ms', samples: p99, bar: { atMost: 50 } },
      );
    }
    const remarks = [
      'engines and follower share a process and its core, relay and NATS the other one',
    ];
    const lost = way.lost();
    return { figures, remarks: lost === 0 ? remarks : [...remarks, `${lost} batches were lost`] };
  },
};

interface Way extends AsyncDisposable {
  /** Publishes for so long, and gives the time from each publishing to the index, in milliseconds. */
  send(batchesPerSecond: number, seconds: number): Promise<number[]>;
  /** Batches that never came. */
  lost(): number;
}

const podOf = (engine: number): string => `127.0.0.1:${20_000 + engine}`;

async function openWay(): Promise<Way> {
  await using started = new AsyncDisposableStack();
  const server = started.use(await startNatsServer({ path: pathOf(await findNatsServer()) }));
  pinProcess(await server.pid(), SUBJECT_CORE);
  const engines = await Promise.all(
    Array.from({ length: ENGINES }, async (_, i) =>
      started.use(await startEngineSocket({ topic: `kv@${podOf(i)}@m` })),
    ),
  );
  const folder = started.use(await createTempDir());
  const file = await folder.write('engines.json', endpointsFile(engines));
  const relay = started.use(
    await startProgram({
      app: 'kv-relay',
      args: [
        ...['--nats', server.url, '--endpoints', file],
        ...['--host', '127.0.0.1', '--admin-port', '0', '--log-level', 'warn'],
      ],
    }),
  );
  pinProcess(relay.pid, SUBJECT_CORE);
  await Promise.all(engines.map(({ subscribed }) => subscribed));
  const { blockSizeTokens } = STREAM;
  const index = createMemoryKvBlockIndex({ blockSizeTokens });
  const follower = createKvFollower({ index, clock: systemClock, telemetry: noopTelemetry });
  const bus = started.use(await connectNatsKvBus({ servers: server.url }));
  const arrivals = new Arrivals();
  const ending = new AbortController();
  const reading = bus.read(
    {
      onMessage: (message, position) => {
        const done = follower.onMessage(message, position);
        if (done instanceof Promise) {
          return done.then(() => {
            arrivals.see(message);
          });
        }
        arrivals.see(message);
        return undefined;
      },
    },
    { signal: ending.signal },
  );
  started.defer(async () => {
    ending.abort();
    await reading;
  });
  const all = started.move();
  return {
    send: (perSecond, seconds) => arrivals.of(engines, perSecond, perSecond * seconds),
    lost: () => follower.freshness().lostBatches,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

const portOf = (endpoint = ''): string => /:(\d+)$/.exec(endpoint)?.[1] ?? '';

const endpointsFile = (engines: readonly EngineSocket[]): string =>
  JSON.stringify({
    endpoints: engines.map(({ endpoint, replayEndpoint }, i) => ({
      ...{ name: `engine-${i}`, address: '127.0.0.1', port: 20_000 + i },
      labels: {
        'llm-d.ai/kv-events-port': portOf(endpoint),
        'llm-d.ai/kv-replay-port': portOf(replayEndpoint),
      },
    })),
  });

/** Knows when each batch was published, and how long it took. */
class Arrivals {
  readonly #payloads = storedPayloads(0, PAYLOADS, STREAM);
  /** By pod and sequence, until it has come. */
  readonly #sentMs = new Map<string, number>();
  #delays: number[] = [];
  #sent = 0;
  #isAll: (() => void) | undefined;

  see(message: KvMessage): void {
    if (message.kind !== 'batch') return;
    const key = `${message.source.pod} ${message.sequence}`;
    const sentMs = this.#sentMs.get(key);
    if (sentMs === undefined) return;
    this.#sentMs.delete(key);
    this.#delays.push(performance.now() - sentMs);
    if (this.#sentMs.size === 0) this.#isAll?.();
  }

  /** Publishes at an even pace, one engine after the other, and waits until everything has come. */
  async of(
    engines: readonly EngineSocket[],
    perSecond: number,
    batches: number,
  ): Promise<number[]> {
    this.#delays = [];
    const beganMs = performance.now();
    for (let sent = 0; sent < batches;) {
      const due = Math.min(batches, Math.floor(((performance.now() - beganMs) * perSecond) / 1000));
      for (; sent < due; sent++) await this.#publish(engines);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (this.#sentMs.size > 0) await this.#untilAll();
    return this.#delays;
  }

  async #publish(engines: readonly EngineSocket[]): Promise<void> {
    const engine = this.#sent % engines.length;
    const sequence = Math.floor(this.#sent / engines.length);
    const payload = this.#payloads[this.#sent++ % PAYLOADS] ?? new Uint8Array(0);
    this.#sentMs.set(`${podOf(engine)} ${sequence}`, performance.now());
    await engines[engine]?.publish(payload);
  }

  #untilAll(): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error(`${this.#sentMs.size} batches have not come`));
      }, PATIENCE_MS);
      this.#isAll = () => {
        clearTimeout(limit);
        resolve();
      };
    });
  }
}
