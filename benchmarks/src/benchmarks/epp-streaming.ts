// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Figure } from '../benchmark.ts';
import { startCannedServers } from '../load/canned-servers.ts';
import { smallExposition } from '../load/expositions.ts';
import { startClosedExtProcLoad } from '../load/ext-proc-load.ts';
import { streamedScript } from '../load/ext-proc-scripts.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startEpp } from '../system/epp-process.ts';

const STREAMS = 200;
const CHUNKS = 500;

async function chunks(chunksInFlight: number, quick: boolean) {
  await using servers = await startCannedServers({
    count: 10,
    exposition: smallExposition(),
    answer: (socket) => socket.destroy(),
  });
  await using epp = await startEpp(servers.ports);
  const load = await startClosedExtProcLoad({
    port: epp.port,
    scripts: [streamedScript(1024, 0, CHUNKS)],
    inFlight: STREAMS,
    chunksInFlight,
  });
  await pause(quick ? 2000 : 5000);
  const windows: Window[] = [];
  const rates: number[] = [];
  const perCore: number[] = [];
  for (let repetition = 0; repetition < (quick ? 2 : 5); repetition++) {
    const before = load.chunks;
    const window = await watch(epp.pid, quick ? 1000 : 4000);
    windows.push(window);
    rates.push(((load.chunks - before) * 1000) / window.wallMs);
    perCore.push(((load.chunks - before) * 1000) / window.cpuMs);
  }
  load.stop();
  return { windows, rates, perCore };
}

/** How many chunks of streamed answers pass an endpoint picker. */
export const eppStreaming: Benchmark = {
  name: 'epp-streaming',
  summary: `${STREAMS} streamed answers of ${CHUNKS} events of 250 bytes, one event in a message`,
  runnerIs: 'generator',
  run: async ({ quick }) => {
    const one = await chunks(1, quick);
    const eight = await chunks(8, quick);
    const figures: Figure[] = [
      { name: 'chunks, each after the last', unit: '1/s', samples: one.rates },
      { name: 'chunks per core, each after the last', unit: '1/CPU s', samples: one.perCore },
      {
        name: 'chunks, 8 of a stream on their way',
        unit: '1/s',
        samples: eight.rates,
        bar: { atLeast: 80_000 },
      },
      { name: 'chunks per core, 8 on their way', unit: '1/CPU s', samples: eight.perCore },
    ];
    return { figures, remarks: remarksOn([...one.windows, ...eight.windows]) };
  },
};
