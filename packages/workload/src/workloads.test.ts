import { describe, expect, test } from 'vitest';
import { randomLengthsWorkload } from './random-lengths.ts';
import { sharedPrefixWorkload } from './shared-prefix.ts';
import type { TraceRequest } from './trace.ts';
import { traceWorkload } from './trace-workload.ts';
import type { Workload, WorkloadRequest } from './workload.ts';

const drain = (workload: Workload): WorkloadRequest[] => {
  const run = workload.start();
  const requests: WorkloadRequest[] = [];
  while (run.nextAtMs() !== undefined) requests.push(run.take());
  return requests;
};
const azure = (count: number, inputTokens: number): TraceRequest[] =>
  Array.from({ length: count }, (_, i) => ({
    atMs: i,
    inputTokens,
    outputTokens: 3,
    blockIds: [],
  }));

describe('an open-loop workload', () => {
  const workloads: [string, Workload][] = [
    ['shared-prefix', sharedPrefixWorkload({ seed: 1, ratePerSecond: 20, durationMs: 2000 })],
    [
      'random',
      randomLengthsWorkload({
        seed: 1,
        ratePerSecond: 20,
        durationMs: 2000,
        input: { mean: 100, standardDeviation: 30, min: 50, max: 120 },
        output: { mean: 10 },
      }),
    ],
    [
      'zipf',
      traceWorkload(azure(40, 60), {
        name: 'azure',
        seed: 1,
        prefixModel: { documents: 4, documentTokens: 40 },
      }),
    ],
  ];

  test.each(workloads)('gives the same input each time it is started: %s', (_, workload) => {
    const requests = drain(workload);
    expect(requests.length).toBeGreaterThan(10);
    expect(drain(workload)).toEqual(requests);
  });

  test.each(workloads)('has prompts as long as it says: %s', (_, workload) => {
    for (const { prompt, inputTokens } of drain(workload)) {
      const texts = typeof prompt === 'string' ? [prompt] : prompt.map(({ content }) => content);
      expect(Buffer.byteLength(texts.join(''))).toBe(inputTokens * 4);
    }
  });

  test('refuses to give what it has not', () => {
    const run = traceWorkload([], { name: 'empty', seed: 1 }).start();
    expect(run.nextAtMs()).toBeUndefined();
    expect(() => run.take()).toThrow(RangeError);
  });
});

test('groups share their system prompt and nothing else, and questions come round again', () => {
  const workload = sharedPrefixWorkload({
    seed: 7,
    groups: 3,
    promptsPerGroup: 2,
    systemTokens: 20,
    questionTokens: 10,
    ratePerSecond: 10,
    arrival: 'constant',
    durationMs: 1200,
  });
  const requests = drain(workload);
  const part = (i: number) =>
    requests.map(({ prompt }) => (typeof prompt === 'string' ? '' : prompt[i]?.content));
  expect(requests).toHaveLength(12);
  expect(new Set(part(0)).size).toBe(3);
  expect(new Set(part(1)).size).toBe(6);
  expect(part(1).slice(6)).toEqual(part(1).slice(0, 6));
});

test('a trace without prefix identity has unlike prompts, unless documents are made up for it', () => {
  const plain = drain(traceWorkload(azure(50, 40), { name: 'azure', seed: 1 }));
  expect(new Set(plain.map(({ prompt }) => prompt.slice(0, 8))).size).toBe(50);

  const prefixModel = { documents: 5, documentTokens: 30, exponent: 1.2 };
  const shared = drain(traceWorkload(azure(2000, 40), { name: 'azure', seed: 1, prefixModel }));
  const counts = new Map<unknown, number>();
  for (const { prompt } of shared) {
    const document = prompt.slice(0, 120);
    counts.set(document, (counts.get(document) ?? 0) + 1);
  }
  expect(counts.size).toBe(5);
  const [most = 0, second = 0] = [...counts.values()].sort((a, b) => b - a);
  expect(most / second).toBeGreaterThan(2 ** 1.2 * 0.85);
  expect(most / second).toBeLessThan(2 ** 1.2 * 1.15);
  expect(new Set(shared.map(({ prompt }) => prompt)).size).toBe(2000);
});

test('lengths stay in their bounds and scatter around their mean', () => {
  const requests = drain(
    randomLengthsWorkload({
      seed: 3,
      ratePerSecond: 500,
      durationMs: 2000,
      input: { mean: 100, standardDeviation: 10, min: 80, max: 120 },
      output: { mean: 50, standardDeviation: 5 },
    }),
  );
  const inputs = requests.map(({ inputTokens }) => inputTokens);
  expect(Math.min(...inputs)).toBe(80);
  expect(Math.max(...inputs)).toBe(120);
  const outputs = requests.map(({ maxTokens }) => maxTokens);
  expect(outputs.reduce((a, b) => a + b, 0) / outputs.length).toBeCloseTo(50, 0);
});
