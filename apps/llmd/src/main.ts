// SPDX-License-Identifier: Apache-2.0
import { systemClock } from '@llm-d/determinism';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { createProgram } from './app.ts';

// Set when the bundle is made; sources have no version and run the other programs from source as well.
const version = process.env.LLMD_VERSION;
const bundled = version !== undefined;

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const programOf = (app: string): string =>
  at(bundled ? `../../${app}/dist/main.js` : `../../${app}/src/main.ts`);
const traces = {
  mooncake: '../../../traces/mooncake-fast25/conversation_trace.jsonl',
  azure: '../../../traces/azure-llm-2023/AzureLLMInferenceTrace_conv.csv',
};

const ending = new AbortController();
// Ctrl-C may arrive twice, from the terminal and from a package manager; the second changes nothing.
const end = (): void => {
  ending.abort();
};
process.on('SIGINT', end);
process.on('SIGTERM', end);

const program = createProgram({
  version: version ?? '0.0.0-source',
  programs: {
    gateway: programOf('gateway'),
    inferenceSim: programOf('inference-sim'),
    kvRelay: programOf('kv-relay'),
    kvIndexer: programOf('kv-indexer'),
    nodeArgs: bundled ? [] : ['--conditions=@llm-d/source'],
  },
  clock: systemClock,
  output: process.stdout,
  terminal: process.stderr.isTTY ? process.stderr : undefined,
  color: process.stdout.isTTY,
  signal: ending.signal,
  fetch: async (url, signal) => {
    const { statusCode, body } = await request(url, { signal });
    const bytes = Buffer.from(await body.arrayBuffer());
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    return bytes;
  },
  readFile: (path) => readFile(path, 'utf8'),
  writeFile: (path, text) => writeFile(path, text),
  traceFile: (workload) => at(traces[workload]),
});

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  process.stderr.write(`llmd: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
