// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { realExposition } from '../load/expositions.ts';
import { startOpenExtProcLoad } from '../load/ext-proc-load.ts';
import { wholeScript } from '../load/ext-proc-scripts.ts';
import { quantile } from '../measuring/statistics.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startEpp } from '../system/epp-process.ts';

const PER_SECOND = 1000;
const VARIANTS = 64;

/** How long an endpoint picker takes to name a destination. */
export const eppLatency: Benchmark = {
  name: 'epp-latency',
  summary: `time from the last byte of an 8 KB request to the routing answer, ${PER_SECOND} requests a second, open loop`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    await using servers = await startCannedServers({
      count: 10,
      exposition: realExposition(),
      answer: (socket) => socket.destroy(),
    });
    await using epp = await startEpp(servers.ports);
    const scripts = Array.from({ length: VARIANTS }, (_, i) => wholeScript(8192, i));
    const load = await startOpenExtProcLoad({ port: epp.port, scripts, perSecond: PER_SECOND });
    await pause(quick ? 2000 : 5000);
    const windows: Window[] = [];
    const routed: number[][] = [];
    const late: number[][] = [];
    const cores: number[] = [];
    for (let repetition = 0; repetition < (quick ? 2 : 7); repetition++) {
      routed.push((load.routedMs = []));
      late.push((load.lateMs = []));
      const window = await watch(epp.pid, quick ? 1500 : 5000);
      windows.push(window);
      cores.push(window.cpuMs / window.wallMs);
    }
    load.stop();
    const each = (of: readonly number[][], q: number) => of.map((values) => quantile(values, q));
    return {
      figures: [
        { name: 'routing answer, p50', unit: 'ms', samples: each(routed, 0.5) },
        { name: 'routing answer, p95', unit: 'ms', samples: each(routed, 0.95) },
        {
          name: 'routing answer, p99',
          unit: 'ms',
          samples: each(routed, 0.99),
          bar: { atMost: 3 },
        },
        { name: 'sent too late, p99', unit: 'ms', samples: each(late, 0.99) },
        { name: 'endpoint picker', unit: 'cores', samples: cores },
      ],
      remarks: remarksOn(windows),
    };
  },
};
