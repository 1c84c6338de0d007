import { expect, test } from 'vitest';
import { findBuiltInProfile } from './built-in-profiles.ts';
import { buildEngine, prompt } from './testdata/build-engine.ts';

/**
 * LMBenchmark's long-input scenario on one replica: 15 users who wait for their answer before they ask again, 20 rounds
 * each, 21,000 tokens of history, answers of 100, a new user every 19 / qps seconds, 100 s. The histories of the first
 * 18 users, which is what the cache holds, are computed beforehand. Every request spends 70 ms outside the engine.
 */
function meanFirstTokenSeconds(qps: number): number {
  const profile = findBuiltInProfile('llama-3.1-8b-a100');
  if (profile === undefined) throw new Error('profile is missing');
  const { clock, engine } = buildEngine({}, { profile });
  const users = 15;
  const rounds = 20;
  const gapMs = (users / qps) * 1000;
  const firstTokensMs: number[] = [];
  const system = prompt(999, 1000);

  const ask = (history: number[], measured: boolean, done: (answer: number[]) => void) => {
    const answer: number[] = [];
    const askedMs = clock.nowMs();
    clock.schedule(70, () => {
      engine.submit(
        { promptTokens: Uint32Array.from(history), maxTokens: 100, ignoreEos: true },
        {
          onToken: (token, index) => {
            if (index === 0 && measured) firstTokensMs.push(clock.nowMs() - askedMs);
            answer.push(token);
          },
          onFinish: () => {
            done(answer);
          },
        },
      );
    });
  };
  const historyOf = (user: number) => [...system, ...prompt(user, 20_000)];
  for (let user = 0; user < 18; user++) {
    ask(historyOf(user), false, () => undefined);
    clock.run();
  }

  const startMs = clock.nowMs();
  const endMs = startMs + 100_000;
  const live = (user: number, roundsLeft: number, history: number[]): void => {
    if (roundsLeft === 0 || clock.nowMs() >= endMs) return;
    const askedMs = clock.nowMs();
    ask(history, true, (answer) => {
      const next = [...history, ...answer, ...prompt(user + 1000 + roundsLeft, 20)];
      clock.schedule(Math.max(0, askedMs + gapMs - clock.nowMs()), () => {
        live(user, roundsLeft - 1, next);
      });
    });
  };
  for (let user = 0; user < users; user++) {
    const age = Math.floor((user * rounds) / users);
    clock.schedule((user * gapMs) / users, () => {
      live(user, rounds - age, historyOf(user));
    });
  }
  const joinMs = ((rounds - 1) / qps) * 1000;
  for (let at = joinMs, user = users; at < 100_000; at += joinMs, user++) {
    clock.schedule(at, () => {
      live(user, rounds, historyOf(user));
    });
  }
  clock.run();
  return firstTokensMs.reduce((a, b) => a + b, 0) / firstTokensMs.length / 1000;
}

// Means measured on an A100-class GPU. At 4 requests/s the engine cannot keep up and histories fall out of the cache.
test.each([
  [0.5, 0.076],
  [2, 0.323],
  [3, 0.583],
  [4, 7.44],
])(
  'at %d requests/s one replica of Llama 3.1 8B takes %d s to the first token, within a factor of 2',
  (qps, measured) => {
    const simulated = meanFirstTokenSeconds(qps);
    expect(simulated).toBeGreaterThan(measured / 2);
    expect(simulated).toBeLessThan(measured * 2);
  },
);
