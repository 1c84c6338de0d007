// SPDX-License-Identifier: Apache-2.0
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark } from '../benchmark.ts';
import { wholeAnswer } from '../load/answers.ts';
import { cannedAnswer, startCannedServers } from '../load/canned-servers.ts';
import { chatRequest } from '../load/chat-requests.ts';
import { startClosedLoop } from '../load/closed-loop.ts';
import { smallExposition } from '../load/expositions.ts';
import { remarksOn, watch, type Window } from '../measuring/window.ts';
import { startSidecar } from '../system/sidecar-process.ts';

const BODY_BYTES = 8192;
const CONNECTIONS = 32;

/** A NIXL prefiller's answer to a prompt of 2000 tokens in blocks of 16. */
const prefillAnswer = cannedAnswer(
  JSON.stringify({
    id: 'chatcmpl-prefill',
    choices: [
      { index: 0, message: { role: 'assistant', content: 'The' }, finish_reason: 'length' },
    ],
    usage: {
      prompt_tokens: 2000,
      completion_tokens: 1,
      total_tokens: 2001,
      prompt_tokens_details: { cached_tokens: 1024 },
    },
    kv_transfer_params: {
      do_remote_prefill: true,
      do_remote_decode: false,
      remote_block_ids: [Array.from({ length: 125 }, (_, block) => block + 1)],
      remote_engine_id: 'eecee13e-522b-4a89-a753-757ecec5f34b',
      remote_host: '10.0.0.7',
      remote_port: 5600,
      tp_size: 1,
    },
  }),
);

interface Measured {
  readonly windows: readonly Window[];
  readonly rates: readonly number[];
  readonly costs: readonly number[];
}

/** What a sidecar costs a request that passes through, and one that it has prefilled elsewhere. */
export const sidecar: Benchmark = {
  name: 'sidecar',
  summary:
    '8 KB chat requests through a routing sidecar on one core, passing through and with a prefiller',
  runnerIs: 'generator',
  run: async ({ quick }) => {
    const exposition = smallExposition();
    await using decode = await startCannedServers({
      ...{ count: 1, exposition },
      answer: (socket) => socket.write(wholeAnswer),
    });
    await using prefill = await startCannedServers({
      ...{ count: 1, exposition },
      answer: (socket) => socket.write(prefillAnswer),
    });
    const [decodePort = 0] = decode.ports;
    const [prefillPort = 0] = prefill.ports;
    const measure = async (headers: Readonly<Record<string, string>>): Promise<Measured> => {
      await using subject = await startSidecar(decodePort);
      const requests = Array.from({ length: 64 }, (_, variant) =>
        chatRequest({ bytes: BODY_BYTES, variant, headers }),
      );
      const load = await startClosedLoop(subject.port, { connections: CONNECTIONS, requests });
      await pause(quick ? 2000 : 5000);
      const measured = { windows: [] as Window[], rates: [] as number[], costs: [] as number[] };
      for (let repetition = 0; repetition < (quick ? 2 : 7); repetition++) {
        const before = load.answered;
        const window = await watch(subject.pid, quick ? 1000 : 4000);
        const answered = load.answered - before;
        measured.windows.push(window);
        measured.rates.push((answered * 1000) / window.wallMs);
        measured.costs.push((window.cpuMs * 1000) / answered);
      }
      load.stop();
      return measured;
    };
    const passing = await measure({});
    const prefilled = await measure({ 'x-prefiller-host-port': `127.0.0.1:${prefillPort}` });
    const windows = [...passing.windows, ...prefilled.windows];
    return {
      figures: [
        { name: 'requests passing through', unit: '1/s', samples: passing.rates },
        { name: 'CPU per request passing through', unit: 'µs', samples: passing.costs },
        { name: 'requests with a prefiller', unit: '1/s', samples: prefilled.rates },
        { name: 'CPU per request with a prefiller', unit: 'µs', samples: prefilled.costs },
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
