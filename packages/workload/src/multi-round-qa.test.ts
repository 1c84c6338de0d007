import { VirtualClock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { multiRoundQaWorkload, type MultiRoundQaOptions } from './multi-round-qa.ts';
import { runWorkload } from './run-workload.ts';
import { createScriptedTarget, type ScriptedAnswer } from './scripted-target.ts';
import type { WorkloadRequest } from './workload.ts';

const small: MultiRoundQaOptions = {
  seed: 1,
  users: 4,
  rounds: 5,
  ratePerSecond: 2,
  durationMs: 60_000,
  systemTokens: 10,
  historyTokens: 40,
  questionTokens: 5,
  answerTokens: 3,
};

async function run(options: Partial<MultiRoundQaOptions>, script: () => ScriptedAnswer) {
  const clock = new VirtualClock();
  const target = createScriptedTarget(clock, script);
  const running = runWorkload(multiRoundQaWorkload({ ...small, ...options }), target, { clock });
  clock.run();
  return { result: await running.result, requests: target.requests };
}

const bySession = (requests: readonly WorkloadRequest[]): WorkloadRequest[][] => {
  const sessions = new Map<string | undefined, WorkloadRequest[]>();
  for (const request of requests) {
    sessions.set(request.sessionId, [...(sessions.get(request.sessionId) ?? []), request]);
  }
  return [...sessions.values()];
};
const quick = () => ({ firstPieceMs: 100 });

describe('multi-round question answering', () => {
  test('asks at its rate and a little more while answers are quick', async () => {
    const { requests } = await run({}, quick);
    const expected = (2 * 5) / 4;
    expect(requests.length / 60).toBeGreaterThan(expected * 0.95);
    expect(requests.length / 60).toBeLessThan(expected * 1.05);
  });

  test('begins in the midst of conversations and asks one gap apart', async () => {
    const { requests } = await run({}, quick);
    const sessions = bySession(requests);
    // Of four conversations spread over five rounds, the oldest is over; the others have 2, 3 and 4 rounds behind them.
    const asked = (user: string) => requests.filter(({ sessionId }) => sessionId === user).length;
    expect(['user-0', 'user-1', 'user-2', 'user-3'].map(asked)).toEqual([1, 2, 3, 5]);
    for (const session of sessions) {
      const times = session.map(({ intendedAtMs }) => intendedAtMs);
      expect(times).toEqual(times.map((_, i) => (times[0] ?? 0) + i * 2000));
    }
  });

  test('grows every conversation by the real answer', async () => {
    const { requests } = await run({}, quick);
    const whole = bySession(requests).find((session) => session.length === 5);
    const last = whole?.at(-1);
    expect(last?.prompt).toHaveLength(10);
    whole?.slice(1).forEach((request, i) => {
      const before = whole[i]?.prompt ?? [];
      expect(request.prompt.slice(0, before.length)).toEqual(before);
      expect(request.prompt[before.length]).toEqual({ role: 'assistant', content: 't0 t1 t2 ' });
    });
    // System prompt, history, five questions, and four answers of nine bytes, which are 3 estimated tokens.
    expect(last?.inputTokens).toBe(10 + (40 + 5) + 4 * 5 + 4 * 3);
  });

  test('waits for slow answers: a user never has two questions in flight', async () => {
    const { requests, result } = await run({}, () => ({ firstPieceMs: 5000 }));
    for (const session of bySession(requests)) {
      session.slice(1).forEach(({ intendedAtMs }, i) => {
        expect(intendedAtMs - (session[i]?.intendedAtMs ?? 0)).toBe(5000);
      });
    }
    expect(result.records.every(({ ttftMs }) => ttftMs === 5000)).toBe(true);
  });

  test.each([
    [true, 'goes beyond'],
    [false, 'stays within'],
  ])(
    'with session stacking %s, slow answers make the conversations a number that %s the users',
    async (sessionStacking) => {
      const { requests } = await run({ sessionStacking }, () => ({ firstPieceMs: 7000 }));
      const lasting = bySession(requests).map((session) => ({
        from: session[0]?.intendedAtMs ?? 0,
        to: (session.at(-1)?.intendedAtMs ?? 0) + 7000,
      }));
      const most = Math.max(
        ...lasting.map(({ from }) => lasting.filter((s) => s.from <= from && from < s.to).length),
      );
      if (sessionStacking) expect(most).toBeGreaterThan(4);
      else expect(most).toBe(4);
    },
  );

  test('leaves nothing of a failed question in the conversation', async () => {
    const failure = { kind: 'connect', message: 'refused' } as const;
    const { requests } = await run({}, () => ({ firstPieceMs: 1, pieces: 0, failure }));
    expect(requests.every(({ prompt }) => prompt.length === 2)).toBe(true);
  });

  test('varies its gaps by the jitter, the same way for the same seed', async () => {
    const times = async (seed: number) =>
      (await run({ jitter: 0.2, seed }, quick)).requests.map(({ intendedAtMs }) => intendedAtMs);
    expect(await times(1)).toEqual(await times(1));
    expect(await times(1)).not.toEqual(await times(2));
  });
});
