// SPDX-License-Identifier: Apache-2.0
import { createRandom, exponential } from '@llm-d/determinism';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { wholeAnswer } from '../load/answers.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { chatRequest } from '../load/chat-requests.ts';
import { startConnectionPool, type ConnectionPool } from '../load/connection-pool.ts';
import { smallExposition } from '../load/expositions.ts';
import { quantile } from '../measuring/statistics.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startGateway } from '../system/gateway-process.ts';

const RATE_PER_SECOND = 500;
const VARIANTS = 256;

interface Pairs {
  /** Through the gateway minus direct, in ms, one for each pair. */
  readonly addedMs: number[];
  readonly directMs: number[];
  /** How late, in ms, the generator sent a request after the instant it was due. */
  readonly lateMs: number[];
}

/**
 * Sends pairs of a direct request and one through the gateway at Poisson instants, in turns which goes first, half an
 * interval apart. Nothing waits for an answer, so a slow answer delays no later request.
 */
class PairedLoad {
  readonly #random = createRandom(1);
  readonly #requests: readonly Buffer[];
  readonly #pools: { readonly direct: ConnectionPool; readonly gateway: ConnectionPool };
  #stopped = false;
  #count = 0;
  pairs: Pairs = { addedMs: [], directMs: [], lateMs: [] };

  constructor(
    pools: { direct: ConnectionPool; gateway: ConnectionPool },
    requests: readonly Buffer[],
  ) {
    this.#pools = pools;
    this.#requests = requests;
  }

  start(): void {
    let dueMs = performance.now();
    const next = (): void => {
      if (this.#stopped) return;
      dueMs += exponential(this.#random, 1000 / RATE_PER_SECOND);
      setTimeout(
        () => {
          this.#sendPair(dueMs);
          next();
        },
        Math.max(0, dueMs - performance.now()),
      );
    };
    next();
  }

  stop(): void {
    this.#stopped = true;
  }

  #sendPair(dueMs: number): void {
    const { direct, gateway } = this.#pools;
    const { pairs } = this;
    const request = this.#requests[this.#count % this.#requests.length] as Buffer;
    const gatewayFirst = this.#count++ % 2 === 0;
    pairs.lateMs.push(performance.now() - dueMs);
    const first = (gatewayFirst ? gateway : direct).exchange(request);
    const second = pause(500 / RATE_PER_SECOND).then(() =>
      (gatewayFirst ? direct : gateway).exchange(request),
    );
    void Promise.all([first, second]).then(([a, b]) => {
      pairs.addedMs.push(gatewayFirst ? a - b : b - a);
      pairs.directMs.push(gatewayFirst ? b : a);
    });
  }
}

/** What the gateway adds to the time until an answer is complete. */
export const gatewayLatency: Benchmark = {
  name: 'gateway-latency',
  summary: `time that the gateway adds to an 8 KB request at ${RATE_PER_SECOND} requests a second, open loop`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    await using servers = await startCannedServers({
      count: 4,
      exposition: smallExposition(),
      answer: (socket) => socket.write(wholeAnswer),
    });
    await using gateway = await startGateway(servers.urls);
    const [serverPort = 0] = servers.ports;
    const pools = {
      direct: await startConnectionPool(serverPort, 32),
      gateway: await startConnectionPool(gateway.port, 32),
    };
    const requests = Array.from({ length: VARIANTS }, (_, variant) =>
      chatRequest({ bytes: 8192, variant }),
    );
    const load = new PairedLoad(pools, requests);
    load.start();
    await pause(quick ? 2000 : 6000);
    const windows: Window[] = [];
    const seen: Pairs[] = [];
    for (let repetition = 0; repetition < (quick ? 2 : 7); repetition++) {
      seen.push((load.pairs = { addedMs: [], directMs: [], lateMs: [] }));
      windows.push(await watch(gateway.pid, quick ? 1500 : 6000));
    }
    load.stop();
    await pause(200);
    pools.direct.close();
    pools.gateway.close();
    const each = (of: (pairs: Pairs) => number[], q: number) =>
      seen.map((pairs) => quantile(of(pairs), q));
    return {
      figures: [
        {
          name: 'added, p50',
          unit: 'ms',
          samples: each((p) => p.addedMs, 0.5),
          bar: { atMost: 0.5 },
        },
        {
          name: 'added, p99',
          unit: 'ms',
          samples: each((p) => p.addedMs, 0.99),
          bar: { atMost: 5 },
        },
        { name: 'direct, p50', unit: 'ms', samples: each((p) => p.directMs, 0.5) },
        { name: 'direct, p99', unit: 'ms', samples: each((p) => p.directMs, 0.99) },
        { name: 'sent too late, p99', unit: 'ms', samples: each((p) => p.lateMs, 0.99) },
      ],
      remarks: remarksOn(windows),
    };
  },
};
