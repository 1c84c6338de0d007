// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { realExposition, smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startGateway } from '../system/gateway-process.ts';

const ENDPOINTS = 100;
const INTERVAL_MS = 50;

async function coresFor(exposition: string, quick: boolean): Promise<Window[]> {
  await using servers = await startCannedServers({
    count: ENDPOINTS,
    exposition,
    answer: (socket) => socket.destroy(),
  });
  await using gateway = await startGateway(servers.urls, [
    '--refresh-metrics-interval',
    String(INTERVAL_MS),
  ]);
  await pause(quick ? 2000 : 5000);
  const windows: Window[] = [];
  for (let repetition = 0; repetition < (quick ? 2 : 5); repetition++) {
    windows.push(await watch(gateway.pid, quick ? 1000 : 4000));
  }
  return windows;
}

const cores = ({ cpuMs, wallMs }: Window): number => cpuMs / wallMs;

/** What it costs a gateway without requests to know 100 servers' state. */
export const scrapeCost: Benchmark = {
  name: 'scrape-cost',
  summary: `a gateway without requests that scrapes ${ENDPOINTS} endpoints every ${INTERVAL_MS} ms`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    const real = await coresFor(realExposition(), quick);
    const small = await coresFor(smallExposition(), quick);
    return {
      figures: [
        {
          name: "vLLM's whole exposition (77 KB)",
          unit: 'cores',
          samples: real.map(cores),
          bar: { atMost: 0.3 },
        },
        { name: 'only the lines that are read (2 KB)', unit: 'cores', samples: small.map(cores) },
      ],
      remarks: remarksOn([...real, ...small]),
    };
  },
};
