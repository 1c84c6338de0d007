// SPDX-License-Identifier: Apache-2.0
import { createResponseObserver } from '@llm-d/inference-api';
import type { Benchmark } from '../benchmark.ts';
import { tokenOf } from '../load/answers.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';

const CHUNKS = 1000;

/** What watching a streamed answer costs. */
export const responseObserver: Benchmark = {
  name: 'response-observer',
  summary: 'looking for usage and finish reason in 250-byte events of a streamed answer',
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const chunk = Buffer.from(`data: ${tokenOf(250)}\n\n`);
    const observe = () => {
      const observer = createResponseObserver({ api: 'chat-completions', streaming: true });
      for (let i = 0; i < CHUNKS; i++) observer.push(chunk);
      if (observer.observe().events !== CHUNKS) throw new Error('events were missed');
    };
    const perStreamUs = await cpuPerCall(observe, repetitionsFor(quick));
    return {
      figures: [
        { name: 'one event', unit: 'ns', samples: perStreamUs.map((us) => (us * 1000) / CHUNKS) },
      ],
      remarks: [],
    };
  },
};
