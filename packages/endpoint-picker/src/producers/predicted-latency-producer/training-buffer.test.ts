import { createRandom } from '@llm-d/determinism';
import { expect, test } from 'vitest';
import type { TrainingSample } from './predictor-wire.ts';
import { createTrainingBuffer } from './training-buffer.ts';

const sample = (kind: 'ttft' | 'tpot', value: number): TrainingSample => ({
  kv_cache_percentage: 0,
  input_token_length: value,
  num_request_waiting: 0,
  num_request_running: 0,
  num_tokens_generated: 0,
  prefix_cache_score: 0,
  encoder_input_size: 0,
  encoder_matched_size: 0,
  prefill_tokens_in_flight: 0,
  decode_tokens_in_flight: 0,
  actual_ttft_ms: kind === 'ttft' ? 1 : 0,
  actual_tpot_ms: kind === 'tpot' ? 1 : 0,
  timestamp: '2026-01-01T00:00:00.000Z',
});

function filled(maxSamples: number, firstTokens: number, furtherTokens: number) {
  const buffer = createTrainingBuffer(maxSamples, createRandom(1));
  for (let i = 0; i < firstTokens; i++) buffer.add(sample('ttft', i));
  for (let i = 0; i < furtherTokens; i++) buffer.add(sample('tpot', i));
  return buffer;
}
const kinds = (samples: readonly TrainingSample[]) => [
  samples.filter(({ actual_ttft_ms: ms }) => ms > 0).length,
  samples.filter(({ actual_tpot_ms: ms }) => ms > 0).length,
];

test.each([
  [100, 40, 60, [40, 60]],
  [100, 400, 600, [40, 60]],
  [100, 1000, 1, [100, 0]],
  [100, 101, 0, [100, 0]],
  [3, 10, 20, [1, 2]],
])(
  'of %d that fit, %d first and %d further tokens leave %j',
  (max, firstTokens, furtherTokens, expected) => {
    const buffer = filled(max, firstTokens, furtherTokens);
    expect(buffer.seen).toBe(firstTokens + furtherTokens);
    expect(kinds(buffer.take())).toEqual(expected);
    expect([buffer.seen, buffer.take()]).toEqual([0, []]);
  },
);

test('a selection is by chance and has nothing twice', () => {
  const taken = filled(100, 10_000, 0)
    .take()
    .map(({ input_token_length: value }) => value);
  expect(new Set(taken).size).toBe(100);
  expect(Math.max(...taken)).toBeGreaterThan(5000);
});
