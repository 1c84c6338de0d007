// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { wholeAnswer } from '../load/answers.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { chatRequest } from '../load/chat-requests.ts';
import { startClosedLoop } from '../load/closed-loop.ts';
import { smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startGateway } from '../system/gateway-process.ts';

const BODY_BYTES = 8192;
const CONNECTIONS = 64;
/** Different bodies, so that no prompt is simply the last one again. */
const VARIANTS = 256;

/** How many requests a gateway on one core carries, and what one costs. */
export const gatewayThroughput: Benchmark = {
  name: 'gateway-throughput',
  summary: '8 KB chat requests through a gateway on one core, 4 endpoints, answers not streamed',
  runnerIs: 'generator',
  run: async ({ quick }) => {
    await using servers = await startCannedServers({
      count: 4,
      exposition: smallExposition(),
      answer: (socket) => socket.write(wholeAnswer),
    });
    await using gateway = await startGateway(servers.urls);
    const requests = Array.from({ length: VARIANTS }, (_, variant) =>
      chatRequest({ bytes: BODY_BYTES, variant }),
    );
    const load = await startClosedLoop(gateway.port, { connections: CONNECTIONS, requests });
    await pause(quick ? 2000 : 5000);
    const windows: Window[] = [];
    const rates: number[] = [];
    const costs: number[] = [];
    for (let repetition = 0; repetition < (quick ? 2 : 7); repetition++) {
      const before = load.answered;
      const window = await watch(gateway.pid, quick ? 1000 : 4000);
      const answered = load.answered - before;
      windows.push(window);
      rates.push((answered * 1000) / window.wallMs);
      costs.push((window.cpuMs * 1000) / answered);
    }
    load.stop();
    return {
      figures: [
        { name: 'requests', unit: '1/s', samples: rates, bar: { atLeast: 5000 } },
        { name: 'CPU per request', unit: 'µs', samples: costs, bar: { atMost: 150 } },
        {
          name: 'generator and servers',
          unit: 'cores',
          samples: windows.map(({ generatorCores }) => generatorCores),
        },
      ],
      remarks: remarksOn(windows),
    };
  },
};
