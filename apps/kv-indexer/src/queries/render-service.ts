// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '@llm-d/determinism';
import type { PromptTokens } from './prompt-tokens.ts';
import { NoTokensError } from './request-error.ts';
import { type JsonObject, readObject, readTokens } from './request-fields.ts';

export interface RenderServiceOptions {
  /** A vLLM server, or one that only renders. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Largest answer that is read. Default 64 MiB. */
  readonly maxAnswerBytes?: number;
}

/** What of a refusal is worth showing. */
const SNIPPET = 512;

/** Asks vLLM's render endpoints, word for word with what the client sent. */
export function createRenderService(options: RenderServiceOptions): PromptTokens {
  const base = options.url.replace(/\/+$/, '');
  const { maxAnswerBytes = 64 * 2 ** 20 } = options;
  const render = async (path: string, body: JsonObject, signal: AbortSignal) => {
    const url = `${base}${path}`;
    const limit = new AbortController();
    const timer = options.clock.schedule(options.timeoutMs, () => {
      limit.abort(new Error(`no answer within ${options.timeoutMs} ms`));
    });
    try {
      const either = AbortSignal.any([signal, limit.signal]);
      return tokensOf(await ask(url, body, { signal: either, maxAnswerBytes }), url);
    } catch (cause) {
      if (cause instanceof NoTokensError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new NoTokensError('unavailable', `${url}: ${why}`, { cause });
    } finally {
      timer.cancel();
    }
  };
  return {
    completion: (body, signal) => render('/v1/completions/render', body, signal),
    chat: (body, signal) => render('/v1/chat/completions/render', body, signal),
  };
}

async function ask(
  url: string,
  body: JsonObject,
  { signal, maxAnswerBytes }: { readonly signal: AbortSignal; readonly maxAnswerBytes: number },
): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const text = await readAll(answer, maxAnswerBytes);
  if (answer.ok) return JSON.parse(text);
  const reason = answer.status >= 400 && answer.status < 500 ? 'refused' : 'unavailable';
  throw new NoTokensError(reason, `${url}: status ${answer.status} ${text.slice(0, SNIPPET)}`);
}

async function readAll(answer: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (answer.body === null) return '';
  // A body's chunks are bytes; the types of the two stream standards do not say so.
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`the answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** One prompt or several; media in them are not looked at, so blocks from the first of them on match nothing. */
function tokensOf(answer: unknown, url: string): readonly Uint32Array[] {
  try {
    const prompts = Array.isArray(answer) ? answer : [answer];
    return prompts.map((prompt) => readTokens(readObject(prompt), 'token_ids'));
  } catch (cause) {
    throw new NoTokensError('unavailable', `${url}: the answer has no token ids`, { cause });
  }
}
