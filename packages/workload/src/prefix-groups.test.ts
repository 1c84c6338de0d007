import { VirtualClock } from '@llm-d/determinism';
import { describe, expect, test } from 'vitest';
import { prefixGroupsWorkload, type PrefixGroupsOptions } from './prefix-groups.ts';
import { runWorkload } from './run-workload.ts';
import { createScriptedTarget, type ScriptedAnswer } from './scripted-target.ts';
import type { WorkloadRequest } from './workload.ts';

const small: PrefixGroupsOptions = {
  seed: 1,
  ratePerSecond: 10,
  durationMs: 60_000,
  groups: 3,
  systemTokens: 20,
  turns: 3,
  questionTokens: 5,
  outputTokens: 4,
  pauseMs: 500,
};

async function run(
  options: Partial<PrefixGroupsOptions> = {},
  script: (request: WorkloadRequest) => ScriptedAnswer = () => ({ firstPieceMs: 100 }),
) {
  const clock = new VirtualClock();
  const target = createScriptedTarget(clock, script);
  const running = runWorkload(prefixGroupsWorkload({ ...small, ...options }), target, { clock });
  clock.run();
  return { result: await running.result, requests: target.requests };
}

const conversations = (requests: readonly WorkloadRequest[]) =>
  Map.groupBy(requests, ({ sessionId }) => sessionId);
const messagesOf = ({ prompt }: WorkloadRequest) =>
  typeof prompt === 'string' ? [] : prompt.map(({ role, content }) => `${role}: ${content}`);

describe('prefix groups', () => {
  test('ask at their rate, with as many system prompts as groups', async () => {
    const { requests, result } = await run();
    expect(requests.length / 60).toBeGreaterThan(8);
    expect(requests.length / 60).toBeLessThan(12);
    expect(new Set(requests.map((request) => messagesOf(request)[0])).size).toBe(3);
    expect(requests[0]).toMatchObject({ inputTokens: 25, maxTokens: 4 });
    expect(result.records.every(({ failure }) => failure === undefined)).toBe(true);
  });

  test('a turn brings all turns before it and waits for the last answer', async () => {
    const { requests } = await run();
    for (const turns of conversations(requests).values()) {
      expect(turns.length).toBeLessThanOrEqual(3);
      for (const [i, turn] of turns.entries()) {
        const before = turns[i - 1];
        if (before === undefined) continue;
        expect(messagesOf(turn).slice(0, 2 * i)).toEqual(messagesOf(before));
        expect(messagesOf(turn)[2 * i]).toBe('assistant: t0 t1 t2 t3 ');
        expect(turn.intendedAtMs).toBeGreaterThan(before.intendedAtMs + 100);
      }
    }
  });

  test('the same options give the same requests', async () => {
    const [first, second] = [await run(), await run()];
    expect(first.requests).toEqual(second.requests);
    expect((await run({ seed: 2 })).requests).not.toEqual(first.requests);
  });

  test('a turn that fails ends its conversation', async () => {
    const failure = { kind: 'http', message: 'busy' } as const;
    const { requests } = await run({}, () => ({ firstPieceMs: 1, pieces: 0, failure }));
    expect([...conversations(requests).values()].map(({ length }) => length)).toEqual(
      requests.map(() => 1),
    );
  });

  test('a few groups are asked more than others, unless they are to be equal', async () => {
    const shareOfFirst = async (zipfExponent: number) => {
      const { requests } = await run({ groups: 10, turns: 1, zipfExponent });
      const counts = [...Map.groupBy(requests, (request) => messagesOf(request)[0]).values()];
      return Math.max(...counts.map(({ length }) => length)) / requests.length;
    };
    expect(await shareOfFirst(2)).toBeGreaterThan(0.5);
    expect(await shareOfFirst(0)).toBeLessThan(0.2);
  });

  test.each([
    [{ turns: 0 }, 'turns must be at least 1'],
    [{ ratePerSecond: 0 }, 'rate must be above 0'],
    [{ groups: 0 }, 'at least 1 item'],
  ])('%j is refused', (options, message) => {
    expect(() => prefixGroupsWorkload({ ...small, ...options }).start()).toThrow(message);
  });
});
