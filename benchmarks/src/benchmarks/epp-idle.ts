// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { realExposition, smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startEpp } from '../system/epp-process.ts';

async function idle(
  endpoints: number,
  { quick, byName }: { quick: boolean; byName: boolean },
): Promise<readonly Window[]> {
  await using servers = await startCannedServers({
    count: endpoints,
    exposition: realExposition(),
    ...(byName && { narrowExposition: smallExposition() }),
    answer: (socket) => socket.destroy(),
  });
  await using epp = await startEpp(servers.ports);
  await pause(quick ? 2000 : 8000);
  const windows: Window[] = [];
  for (let repetition = 0; repetition < (quick ? 2 : 5); repetition++) {
    windows.push(await watch(epp.pid, quick ? 1000 : 4000));
  }
  return windows;
}

const cores = ({ cpuMs, wallMs }: Window): number => cpuMs / wallMs;

/** What it costs an endpoint picker without requests to know its endpoints, with the intervals it has by default. */
export const eppIdle: Benchmark = {
  name: 'epp-idle',
  summary: "an endpoint picker without requests, endpoints with vLLM's 77 KB of metrics",
  runnerIs: 'generator',
  run: async ({ quick }) => {
    const ten = await idle(10, { quick, byName: true });
    const hundred = await idle(100, { quick, byName: true });
    const whole = await idle(100, { quick, byName: false });
    return {
      figures: [
        { name: '10 endpoints', unit: 'cores', samples: ten.map(cores), bar: { atMost: 0.03 } },
        {
          name: '100 endpoints',
          unit: 'cores',
          samples: hundred.map(cores),
          bar: { atMost: 0.15 },
        },
        {
          name: '100 endpoints that cannot be asked by name',
          unit: 'cores',
          samples: whole.map(cores),
          bar: { atMost: 0.15 },
        },
      ],
      remarks: remarksOn([...ten, ...hundred, ...whole]),
    };
  },
};
