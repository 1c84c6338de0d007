import { buildReport, LatencyHistogram, reportArm, type RunResult } from '@llm-d/workload';
import { describe, expect, test } from 'vitest';
import { drawReport, failureLines } from './report-view.ts';

const workload = { name: 'test', seed: 1, loop: 'open', parameters: {} } as const;
const run = (ttftsMs: number[], messages: string[] = []): RunResult => {
  const record = { intendedAtMs: 0, sentAtMs: 0, inputTokens: 1, outputTokens: 1 };
  return {
    workload,
    startedAtEpochMs: 0,
    durationMs: 1000,
    interTokenLatency: new LatencyHistogram(),
    warmUpRequests: 0,
    records: [
      ...ttftsMs.map((ttftMs) => ({ ...record, ttftMs, e2eMs: ttftMs })),
      ...messages.map((message) => ({
        ...record,
        e2eMs: 1,
        failure: { kind: 'http' as const, message },
      })),
    ],
  };
};
const report = buildReport([reportArm('random', run([300])), reportArm('default', run([100]))], {
  title: 't',
  workload,
  method: { warmUpMs: 0, timeoutMs: 1, maxInFlight: 1, notes: [] },
});

describe('the drawn report', () => {
  test('has a row for each arm, the better figures in green, and says who is ahead', () => {
    const drawn = drawReport(report, { color: true });
    expect(drawn).toContain('\u001b[32m100 ms\u001b[39m');
    expect(drawn).not.toContain('\u001b[32m300 ms');
    expect(drawn).toContain('random takes 3.00 times as long.');
  });

  test('has no escape codes without colours', () => {
    expect(drawReport(report, { color: false })).not.toContain('\u001b');
  });
});

test('failures are told by their number, the most frequent first, and no more than three', () => {
  const messages = ['a', 'b', 'b', 'c', 'c', 'c', 'd', 'd', 'd', 'd'];
  expect(failureLines(run([], messages))).toEqual(['4 × http: d', '3 × http: c', '2 × http: b']);
});
