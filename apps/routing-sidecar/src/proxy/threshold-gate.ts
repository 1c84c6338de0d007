// SPDX-License-Identifier: Apache-2.0
import { createSseParser, parseJsonText, type JsonText } from '@llm-d/inference-api';
import type { Gate, Verdict } from './relay.ts';

const NEEDS_PREFILL = 'cache_threshold';

/**
 * Keeps an answer from the client that only says that a prefiller is needed. Of a stream as much is held back as comes before
 * its first choice that says or ends something; an answer that is no stream is held back to its end.
 */
export function createThresholdGate(): Gate {
  let verdict: Verdict = 'undecided';
  let streaming = false;
  const chunks: Buffer[] = [];
  const parser = createSseParser({
    onData: (data) => {
      if (verdict === 'undecided') verdict = verdictOf(Buffer.from(data));
    },
  });
  return {
    begin: (status, headers) => {
      streaming = String(headers['content-type'] ?? '').startsWith('text/event-stream');
      return status === 200 ? 'undecided' : 'pass';
    },
    push: (chunk) => {
      if (streaming) parser.push(chunk);
      else chunks.push(chunk);
      return verdict;
    },
    end: () =>
      !streaming && verdictOf(Buffer.concat(chunks)) === 'withhold' ? 'withhold' : 'pass',
  };
}

/** What a document says about its first choice. */
function verdictOf(document: Buffer): Verdict {
  const choice = firstChoiceOf(document);
  if (choice === 'done') return 'pass';
  if (choice === undefined) return 'undecided';
  const { finish_reason: reason, text, delta } = choice;
  if (typeof reason === 'string') return reason === NEEDS_PREFILL ? 'withhold' : 'pass';
  if (isFilled(text)) return 'pass';
  // The first event of a chat tells the role only.
  const said = isRecord(delta) ? Object.entries(delta).filter(([name]) => name !== 'role') : [];
  return said.some(([, value]) => isFilled(value)) ? 'pass' : 'undecided';
}

function firstChoiceOf(document: Buffer): Readonly<Record<string, JsonText>> | 'done' | undefined {
  const text = document.toString();
  if (text.trim() === '[DONE]') return 'done';
  let parsed: JsonText;
  try {
    parsed = parseJsonText(text);
  } catch {
    return undefined;
  }
  const choices = isRecord(parsed) ? parsed['choices'] : undefined;
  const first = isArray(choices) ? choices[0] : undefined;
  return isRecord(first) ? first : undefined;
}

const isRecord = (value: JsonText | undefined): value is Readonly<Record<string, JsonText>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isArray = (value: JsonText | undefined): value is readonly JsonText[] => Array.isArray(value);

const isFilled = (value: JsonText | undefined): boolean =>
  value !== undefined &&
  value !== null &&
  value !== '' &&
  !(Array.isArray(value) && value.length === 0);
