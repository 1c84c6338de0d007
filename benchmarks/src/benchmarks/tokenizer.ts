// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import {
  createTokenizer,
  createTokenizerPool,
  loadTokenizerDirectory,
  type TokenizerPool,
} from '@llm-d/inference-api/tokenizer';
import { noopTelemetry } from '@llm-d/telemetry';
import { globSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Figure } from '../benchmark.ts';
import { cpuPerCall, repetitionsFor } from '../measuring/cpu-per-call.ts';
import { median } from '../measuring/statistics.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FILES = join(ROOT, 'packages/inference-api/src/tokens/testdata');
const CHAT_TOKENS = 8000;
const TURNS = 28;

/** What it costs to tokenize prompts in this process. */
export const tokenizer: Benchmark = {
  name: 'tokenizer',
  summary: `tokens a second of one thread, and how long a chat of ${CHAT_TOKENS.toLocaleString('en-US')} tokens takes through it`,
  runnerIs: 'subject',
  run: async ({ quick }) => {
    const folder = await mkdtemp(join(tmpdir(), 'llm-d-bench-'));
    try {
      const own = process.env['BENCH_TOKENIZER'];
      const directory = own ?? (await smallModel(folder));
      const text = corpus();
      const figures = [
        ...(await encoding(directory, text, quick)),
        ...(await chatting(directory, text, quick)),
      ];
      const remark = `Text: this repository's documents and sources, ${Math.round(text.length / 1000)} kB. Tokenizer: ${own ?? 'byte-level BPE of 2,500 tokens (BENCH_TOKENIZER names the folder of another)'}.`;
      return { figures, remarks: [remark] };
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function smallModel(folder: string): Promise<string> {
  await copyFile(join(FILES, 'tokenizers/qwen-like.json'), join(folder, 'tokenizer.json'));
  await copyFile(join(FILES, 'templates/chatml-tools.jinja'), join(folder, 'chat_template.jinja'));
  return folder;
}

const corpus = (): string =>
  globSync(['docs/*.md', 'packages/*/README.md', 'packages/*/src/*.ts'], { cwd: ROOT })
    .toSorted()
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n');

/** Without template, thread and anything remembered but single words. */
async function encoding(directory: string, text: string, quick: boolean): Promise<Figure[]> {
  const files = await loadTokenizerDirectory(directory);
  const start = () => createTokenizer(files, { now: () => 0, cacheBytes: 0 });
  const parts = text.match(/[^]{1,32000}/g) ?? [];
  let known = start();
  const all = () => parts.reduce((sum, part) => sum + known.encode(part).length, 0);
  const tokens = all();
  const perSecond = (samples: readonly number[]) => samples.map((us) => (tokens / us) * 1e6);
  const ofKnown = await cpuPerCall(all, repetitionsFor(quick));
  const starting = median(await cpuPerCall(start, repetitionsFor(quick)));
  const both = await cpuPerCall(() => {
    known = start();
    return all();
  }, repetitionsFor(quick));
  return [
    { name: 'words known', unit: 'tokens/s', samples: perSecond(ofKnown) },
    { name: 'first text', unit: 'tokens/s', samples: perSecond(both.map((us) => us - starting)) },
    { name: 'loading the tokenizer', unit: 'ms', samples: [starting / 1000] },
  ];
}

/** A whole request: to the thread, JSON, template, tokens, and back. */
async function chatting(directory: string, text: string, quick: boolean): Promise<Figure[]> {
  const count = quick ? 30 : 300;
  const poolWith = (cacheBytes: number) =>
    createTokenizerPool({
      directory,
      cacheBytes,
      timeoutMs: 60_000,
      clock: systemClock,
      telemetry: noopTelemetry,
    });
  const forgetful = poolWith(0);
  const turnLength = await turnLengthFor(forgetful, text);
  const chat = (id: number, turns: number): Buffer => {
    const messages = Array.from({ length: turns }, (_, i) => {
      const from = ((id * TURNS + i) * turnLength) % (text.length - turnLength);
      const content = text.slice(from, from + turnLength);
      return { role: i % 2 === 0 ? 'user' : 'assistant', content };
    });
    return Buffer.from(JSON.stringify({ model: 'm', messages }));
  };
  const others = await timesOf(forgetful, count, (i) => chat(i, TURNS));
  await forgetful.close();

  const remembering = poolWith(64 * 1024 * 1024);
  const goingOn = await timesOf(
    remembering,
    count,
    (i) => chat(Math.floor(i / 10), TURNS + (i % 10)),
    (i) => i % 10 > 0,
  );
  await remembering.close();
  return [
    { name: 'another chat, p50', unit: 'µs', samples: [median(others)] },
    { name: 'a chat that goes on, p50', unit: 'µs', samples: [median(goingOn)] },
  ];
}

/** Characters of a turn that make the chat as long as it should be. */
async function turnLengthFor(pool: TokenizerPool, text: string): Promise<number> {
  const sample = text.slice(0, 100_000);
  const body = [Buffer.from(JSON.stringify({ prompt: sample }))];
  const { ids } = await pool.tokenize({ api: 'completions', body });
  return Math.round((sample.length / ids.length) * (CHAT_TOKENS / TURNS));
}

async function timesOf(
  pool: TokenizerPool,
  count: number,
  bodyOf: (i: number) => Buffer,
  isCounted: (i: number) => boolean = () => true,
): Promise<number[]> {
  const times: number[] = [];
  const warmUp = 10;
  for (let i = 0; i < count + warmUp; i++) {
    const body = [bodyOf(i)];
    const startedMs = systemClock.nowMs();
    await pool.tokenize({ api: 'chat-completions', body });
    if (i >= warmUp && isCounted(i)) times.push((systemClock.nowMs() - startedMs) * 1000);
  }
  return times;
}
