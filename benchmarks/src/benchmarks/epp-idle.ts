// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { atRest, realExposition, smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startEpp } from '../system/epp-process.ts';

async function idle(
  endpoints: number,
  { quick, byName = true, busy = false }: { quick: boolean; byName?: boolean; busy?: boolean },
): Promise<readonly Window[]> {
  const state = busy ? (exposition: string) => exposition : atRest;
  await using servers = await startCannedServers({
    count: endpoints,
    exposition: state(realExposition()),
    ...(byName && { narrowExposition: state(smallExposition()) }),
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
    const ten = await idle(10, { quick });
    const hundred = await idle(100, { quick });
    const whole = await idle(100, { quick, byName: false });
    const busy = await idle(100, { quick, busy: true });
    const figure = (name: string, windows: readonly Window[], atMost?: number) => ({
      name,
      unit: 'cores',
      samples: windows.map(cores),
      ...(atMost !== undefined && { bar: { atMost } }),
    });
    return {
      figures: [
        figure('10 endpoints', ten, 0.03),
        figure('100 endpoints', hundred, 0.15),
        figure('100 endpoints that cannot be asked by name', whole, 0.15),
        figure('100 endpoints that others keep busy', busy),
      ],
      remarks: remarksOn([...ten, ...hundred, ...whole, ...busy]),
    };
  },
};
