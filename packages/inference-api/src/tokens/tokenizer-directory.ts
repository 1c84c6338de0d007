// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from './encoding/tokenizer-json.ts';
import { TokenizerError } from './tokenizer-error.ts';
import type { TokenizerFiles } from './tokenizer.ts';

/** Files of Mistral's own tokenizer, which vLLM prefers where they are. */
const MISTRAL_FILES = /^(tekken\.json|tokenizer\.model\.v.*)$/;

export interface TokenizerDirectoryOptions {
  /** A Jinja file to be used instead of the model's own; vLLM's `--chat-template`. Default the model's. */
  readonly chatTemplateFile?: string;
}

/**
 * Reads what a tokenizer needs from a model's folder: `tokenizer.json`, and where they are there
 * `tokenizer_config.json`, `chat_template.jinja` or `.json`, and `config.json`. Rejects with a {@link TokenizerError}:
 * `TOKENIZER_FILES` where something is missing or broken, `TOKENIZER_UNSUPPORTED` where vLLM would use other files.
 */
export async function loadTokenizerDirectory(
  directory: string,
  { chatTemplateFile }: TokenizerDirectoryOptions = {},
): Promise<TokenizerFiles> {
  const names = new Set(await list(directory));
  const mistral = [...names].find((name) => MISTRAL_FILES.test(name));
  if (mistral !== undefined) {
    const message = `${directory} has ${mistral}, which vLLM prefers and which is not known here`;
    throw new TokenizerError('TOKENIZER_UNSUPPORTED', message);
  }
  const text = (name: string) => read(join(directory, name));
  const json = async (name: string) => parse(await text(name), join(directory, name));
  const jsonIfThere = async (name: string) => (names.has(name) ? json(name) : undefined);
  const modelConfig = await jsonIfThere('config.json');
  const modelType = isRecord(modelConfig) ? modelConfig['model_type'] : undefined;
  const template = await jsonIfThere('chat_template.json');
  const jinja =
    chatTemplateFile === undefined
      ? names.has('chat_template.jinja') && text('chat_template.jinja')
      : read(chatTemplateFile);
  const chatTemplate = (await jinja) || (isRecord(template) && template['chat_template']);
  return {
    tokenizerJson: await json('tokenizer.json'),
    tokenizerConfig: (await jsonIfThere('tokenizer_config.json')) ?? {},
    ...(typeof chatTemplate === 'string' && { chatTemplate }),
    ...(typeof modelType === 'string' && { modelType }),
  };
}

async function list(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    throw new TokenizerError('TOKENIZER_FILES', `${directory} cannot be read`, { cause });
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new TokenizerError('TOKENIZER_FILES', `${path} cannot be read`, { cause });
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TokenizerError('TOKENIZER_FILES', `${path} is not JSON`, { cause });
  }
}
