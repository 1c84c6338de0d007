// SPDX-License-Identifier: Apache-2.0
// Tokenizes a prompt, both given on the command line, as an app does: the tokenizer is loaded when it is needed.
import { systemClock } from '@llm-d/determinism';
import { noopTelemetry } from '@llm-d/telemetry';

const [, , directory = '', prompt = ''] = process.argv;
const { createTokenizerPool } = await import('../../../index.ts');
const pool = createTokenizerPool({
  directory,
  clock: systemClock,
  telemetry: noopTelemetry,
  timeoutMs: 60_000,
});
const body = [Buffer.from(JSON.stringify({ prompt }))];
console.log(JSON.stringify([...(await pool.tokenize({ api: 'completions', body })).ids]));
await pool.close();
