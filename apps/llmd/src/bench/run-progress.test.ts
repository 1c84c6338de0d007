import { PassThrough } from 'node:stream';
import { VirtualClock } from '@llm-d/determinism';
import { openLoopWorkload, runWorkload } from '@llm-d/workload';
import { createScriptedTarget } from '@llm-d/workload/testing';
import { describe, expect, test } from 'vitest';
import { showProgress } from './run-progress.ts';

const workload = openLoopWorkload({ name: 'test', seed: 1, parameters: {} }, () =>
  [0, 6000].map((intendedAtMs) => ({ intendedAtMs, prompt: 'x', inputTokens: 1, maxTokens: 1 })),
);

/** Lets everything that waits for a promise go on. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

async function run(terminal?: NodeJS.WritableStream) {
  const clock = new VirtualClock();
  const target = createScriptedTarget(clock, () => ({ firstPieceMs: 100 }));
  const running = runWorkload(workload, target, { clock });
  const lines: string[] = [];
  const shown = showProgress(running, {
    arm: 'a',
    expectedMs: 6000,
    clock,
    output: { write: (text) => lines.push(text), ...(terminal && { terminal }) },
  });
  for (let i = 0; i < 7; i++) {
    clock.advance(1000);
    await settle();
  }
  await shown;
  return { lines, clock };
}

describe('progress', () => {
  test('without a terminal is a line every five seconds and one at the end', async () => {
    const { lines, clock } = await run();
    expect(lines).toEqual([
      'a: 5 s  sent 1  ok 1  failed 0  in flight 0  TTFT mean 100 ms\n',
      'a: 7 s  sent 2  ok 2  failed 0  in flight 0  TTFT mean 100 ms\n',
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test('on a terminal is a bar, and no lines', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
    const { lines } = await run(terminal);
    expect(lines).toEqual([]);
    expect(String(terminal.read())).toContain('sent 2  ok 2');
  });
});
