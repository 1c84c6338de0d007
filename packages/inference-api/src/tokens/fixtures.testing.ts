import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonRecord } from './encoding/tokenizer-json.ts';

/** A file of testdata, as text. */
export const testText = (name: string): string =>
  readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8');

/** A JSON file of testdata. */
export const testJson = (name: string): unknown => JSON.parse(testText(name));

/** The small tokenizers, by name. */
export const tokenizerNames = [
  'gemma-like',
  'llama2-like',
  'llama3-like',
  'metaspace-first',
  'qwen-like',
  'unigram',
] as const;

/** One of the small tokenizers. */
export const testTokenizer = (name: string): JsonRecord =>
  testJson(`tokenizers/${name}.json`) as JsonRecord;

/** Folder of the model whose tokens were captured from a real vLLM. */
export const tinyModel = fileURLToPath(new URL('testdata/tiny-model', import.meta.url));
