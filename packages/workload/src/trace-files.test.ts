import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAzureTrace } from './azure-trace.ts';
import { MOONCAKE_BLOCK_TOKENS, parseMooncakeTrace } from './mooncake-trace.ts';

const read = (path: string) =>
  readFileSync(new URL(`../../../traces/${path}`, import.meta.url), 'utf8');

test('the Mooncake slice that comes along is whole', () => {
  const trace = parseMooncakeTrace(read('mooncake-fast25/conversation_trace.jsonl'));
  expect(trace).toHaveLength(2728);
  expect(trace.at(-1)?.atMs).toBeLessThan(900_000);
  const seen = new Set<number>();
  let blocks = 0;
  let reused = 0;
  for (const { blockIds } of trace) {
    blocks += blockIds.length;
    reused += blockIds.filter((id) => seen.has(id)).length;
    for (const id of blockIds) seen.add(id);
  }
  // What a cache without bounds could reuse; the figure that routing is to come close to.
  expect(reused / blocks).toBeCloseTo(0.3035, 3);
  expect(blocks * MOONCAKE_BLOCK_TOKENS).toBeGreaterThan(30_000_000);
});

test('the Azure slice that comes along is whole', () => {
  const trace = parseAzureTrace(read('azure-llm-2023/AzureLLMInferenceTrace_conv.csv'));
  expect(trace).toHaveLength(1441);
  expect(trace.at(-1)?.atMs).toBeLessThan(300_000);
});
