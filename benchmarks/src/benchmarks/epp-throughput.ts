// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { realExposition } from '../load/expositions.ts';
import { startClosedExtProcLoad } from '../load/ext-proc-load.ts';
import { wholeScript } from '../load/ext-proc-scripts.ts';
import { residentMbOf } from '../measuring/process-accounts.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startEpp } from '../system/epp-process.ts';

const IN_FLIGHT = 64;
const VARIANTS = 64;
const SIZES = [
  { kb: 2, atLeast: 8000 },
  { kb: 8, atLeast: 6000 },
  { kb: 64, atLeast: 2500 },
  { kb: 256, atLeast: 700 },
];

/** How many requests an endpoint picker on one core carries, by the size of their bodies. */
export const eppThroughput: Benchmark = {
  name: 'epp-throughput',
  summary: `ext_proc exchanges on one core, 10 endpoints, default configuration, ${IN_FLIGHT} in flight`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    await using servers = await startCannedServers({
      count: 10,
      exposition: realExposition(),
      answer: (socket) => socket.destroy(),
    });
    const windows: Window[] = [];
    const figures: Figure[] = [];
    const residentMb: number[] = [];
    for (const { kb, atLeast } of SIZES) {
      await using epp = await startEpp(servers.ports);
      const scripts = Array.from({ length: VARIANTS }, (_, i) => wholeScript(kb * 1024, i));
      const load = await startClosedExtProcLoad({ port: epp.port, scripts, inFlight: IN_FLIGHT });
      await pause(quick ? 2000 : 5000);
      const rates: number[] = [];
      const costs: number[] = [];
      for (let repetition = 0; repetition < (quick ? 2 : 5); repetition++) {
        const before = load.ended;
        const window = await watch(epp.pid, quick ? 1000 : 3000);
        windows.push(window);
        rates.push(((load.ended - before) * 1000) / window.wallMs);
        costs.push((window.cpuMs * 1000) / (load.ended - before));
      }
      residentMb.push(residentMbOf(epp.pid));
      load.stop();
      figures.push(
        { name: `requests of ${kb} KB`, unit: '1/s', samples: rates, bar: { atLeast } },
        { name: `CPU per request of ${kb} KB`, unit: 'µs', samples: costs },
      );
    }
    const most: Figure = {
      name: 'most resident memory',
      unit: 'MB',
      samples: [Math.max(...residentMb)],
      bar: { atMost: 250 },
    };
    return { figures: [...figures, most], remarks: remarksOn(windows) };
  },
};
