// SPDX-License-Identifier: Apache-2.0
import type { MessagePort } from 'node:worker_threads';
import { isObject, parseJsonText, type JsonObject, type JsonText } from '../../json/json-text.ts';
import { loadTokenizerDirectory } from '../tokenizer-directory.ts';
import { invalidPrompt, TokenizerError } from '../tokenizer-error.ts';
import { createTokenizer, type Tokenizer } from '../tokenizer.ts';
import type { WorkerCall, WorkerReport, WorkerSettings } from './worker-messages.ts';

/** Loads the model's tokenizer and answers calls that come through `port`, one after the other. */
export async function serveCalls(port: MessagePort, settings: WorkerSettings): Promise<void> {
  let epochMs = 0;
  let tokenizer: Tokenizer;
  try {
    tokenizer = await load(settings, () => epochMs);
  } catch (error) {
    report(port, { kind: 'unusable', ...reasonOf(error, 'TOKENIZER_FILES') });
    return;
  }
  port.on('message', (call: WorkerCall) => {
    ({ epochMs } = call);
    answer(port, tokenizer, call);
  });
  report(port, { kind: 'ready', contentFormat: tokenizer.contentFormat });
}

async function load(settings: WorkerSettings, now: () => number): Promise<Tokenizer> {
  const { directory, chatTemplateFile, contentFormat, defaultTemplateKwargs, cacheBytes } =
    settings;
  const files = await loadTokenizerDirectory(directory, {
    ...(chatTemplateFile !== undefined && { chatTemplateFile }),
  });
  return createTokenizer(files, {
    now,
    ...(contentFormat !== undefined && { contentFormat }),
    ...(defaultTemplateKwargs !== undefined && {
      defaultTemplateKwargs: objectOf(defaultTemplateKwargs),
    }),
    ...(cacheBytes !== undefined && { cacheBytes }),
  });
}

function objectOf(json: string): JsonObject {
  const value = parseJsonText(json);
  return isObject(value) ? value : {};
}

function answer(port: MessagePort, tokenizer: Tokenizer, { id, api, body }: WorkerCall): void {
  try {
    const tokens = tokenizer.tokenizeRequest(api, parse(body));
    const cache = tokenizer.cacheStats;
    report(port, { kind: 'tokens', id, ...tokens, cache }, [tokens.ids.buffer]);
  } catch (error) {
    report(port, { kind: 'refused', id, ...reasonOf(error, 'PROMPT_INVALID') });
  }
}

function parse(body: Uint8Array): JsonText {
  try {
    return parseJsonText(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  } catch {
    // What JSON.parse says quotes the text.
    throw invalidPrompt('the body is not JSON');
  }
}

/** An error as it can be sent. Others than ours may quote the prompt. */
function reasonOf(
  error: unknown,
  otherwise: TokenizerError['code'],
): Pick<TokenizerError, 'code' | 'message'> {
  if (error instanceof TokenizerError) return { code: error.code, message: error.message };
  return { code: otherwise, message: error instanceof Error ? error.name : 'unknown error' };
}

function report(
  port: MessagePort,
  message: WorkerReport,
  transfer: readonly ArrayBuffer[] = [],
): void {
  port.postMessage(message, transfer);
}
