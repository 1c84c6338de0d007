// SPDX-License-Identifier: Apache-2.0
import { parseRequest } from '@llm-d/inference-api';
import type { Benchmark, Figure } from '../benchmark.ts';
import { chatBody } from '../load/chat-requests.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const SIZES = [
  ['8 KB', 8192],
  ['64 KB', 65_536],
  ['200 KB', 204_800],
  ['1 MB', 1_048_576],
] as const;

/** What understanding a chat request costs, and what `JSON.parse` would. */
export const requestParse: Benchmark = {
  name: 'request-parse',
  summary: 'reading model, limits and prompt out of chat bodies of 8 KB to 1 MB',
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const figures: Figure[] = [];
    for (const [label, bytes] of SIZES) {
      const body = Buffer.from(chatBody({ bytes }));
      const parse = () => {
        if (!parseRequest('chat-completions', body).ok) throw new Error('a good body was refused');
      };
      figures.push({
        name: label,
        unit: 'µs',
        samples: await cpuPerCall(parse, repetitionsFor(quick)),
      });
      figures.push({
        name: `${label}, JSON.parse for comparison`,
        unit: 'µs',
        samples: await cpuPerCall(() => {
          JSON.parse(body.toString());
        }, repetitionsFor(quick)),
      });
    }
    return { figures, remarks: [] };
  },
};
