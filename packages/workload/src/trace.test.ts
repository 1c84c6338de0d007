import { expect, test } from 'vitest';
import { sliceTrace, type TraceRequest } from './trace.ts';

const at = (atMs: number): TraceRequest => ({
  atMs,
  inputTokens: 1,
  outputTokens: 1,
  blockIds: [],
});
const trace = [0, 100, 200, 300, 400].map(at);
const times = (slice: readonly TraceRequest[]) => slice.map(({ atMs }) => atMs);

test('a slice has its start but not its end, and counts from its start', () => {
  expect(times(sliceTrace(trace, { fromMs: 100, durationMs: 200 }))).toEqual([0, 100]);
  expect(times(sliceTrace(trace, {}))).toEqual([0, 100, 200, 300, 400]);
});

test('speed divides the gaps', () => {
  expect(times(sliceTrace(trace, { fromMs: 100, speed: 4 }))).toEqual([0, 25, 50, 75]);
  expect(() => sliceTrace(trace, { speed: 0 })).toThrow(RangeError);
});
