import { createTestExplanation } from './explanation.testing.ts';
import { Command } from 'commander';
import { expect, test } from 'vitest';
import { registerExplainCommand } from './explain-command.ts';

async function explain(answer: unknown, ...args: string[]) {
  let written = '';
  const asked: string[] = [];
  const program = new Command().exitOverride();
  registerExplainCommand(program, {
    output: { write: (piece) => (written += piece) },
    color: false,
    signal: new AbortController().signal,
    fetch: (url) => {
      asked.push(url);
      return Promise.resolve(Buffer.from(JSON.stringify(answer)));
    },
  });
  await program.parseAsync(['explain', ...args], { from: 'user' });
  return { written, asked };
}

test('a decision is told in a sentence, with the scores that made it', async () => {
  const { written, asked } = await explain(
    { attempts: [createTestExplanation()] },
    'req/1',
    '--url',
    'http://epp:9090/',
  );
  expect(asked).toEqual(['http://epp:9090/debug/decisions/req%2F1']);
  expect(written).toContain(
    'req/1: default/pod-3-rank-0 won by 2.1 over default/pod-1-rank-0, most by prefix-cache-scorer: queue 0.8×2 + prefix-cache 0.9×3',
  );
  expect(written).toMatch(/→ +│ default\/pod-3-rank-0 +│ +0.8 │ +0.9 │ +4.3 │ +1 \+ 2 │/);
  expect(written).toContain('decode-filter dropped default/prefill-0-rank-0');
  expect(written).toContain(
    `prefix by precise-prefix-cache-producer: events (2 of 3 sources whole, oldest 4210 ms, 7 batches lost), 75 blocks of 16 tokens
  of 3 sources 1 are incomplete or silent
  default/pod-3-rank-0: 70 (50 gpu, 20 cpu)
`,
  );
  expect(written).toContain('prefill: not run, 412 uncached tokens < 512');
  expect(written).toContain('1200 tokens in (1080 cached), 30 out');
});

test('without an id the latest decisions are listed', async () => {
  const summary = {
    requestId: 'req-1',
    attempt: 2,
    at: '2026-01-02T03:04:05.678Z',
    model: 'm',
    promptTokens: 12,
    endpoint: 'default/pod-3-rank-0',
    status: 200,
    firstByteMs: 41.4,
  };
  const { written, asked } = await explain({ decisions: [summary] }, '--limit', '5');
  expect(asked).toEqual(['http://127.0.0.1:9090/debug/decisions?limit=5']);
  expect(written).toMatch(
    /03:04:05.678 │ req-1 \(2\) │ m +│ +12 │ default\/pod-3-rank-0 │ +200 │ +41 ms/,
  );
});
