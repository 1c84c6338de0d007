// SPDX-License-Identifier: Apache-2.0
import type { TraceRequest } from './trace.ts';
import { TraceFormatError, type TraceLocation } from './trace-format-error.ts';
import { inOrder, numberedLines, wholeNumber, type TraceParseOptions } from './trace-lines.ts';

/** Prompt tokens that one `hash_ids` entry of a Mooncake trace stands for; the last block may be shorter. */
export const MOONCAKE_BLOCK_TOKENS = 512;

/**
 * Reads a trace in the format of the Mooncake FAST '25 release: a JSON object a line with `timestamp` (ms),
 * `input_length`, `output_length` (tokens) and `hash_ids` (one per block of 512 prompt tokens).
 * Other fields are ignored. Throws {@link TraceFormatError} at the first line that is not that.
 */
export function parseMooncakeTrace(
  source: string | Iterable<string>,
  options: TraceParseOptions = {},
): readonly TraceRequest[] {
  const file = options.file ?? 'trace';
  const trace: TraceRequest[] = [];
  for (const [line, text] of numberedLines(source)) {
    const request = parseLine(text, { file, line });
    inOrder(request.atMs, trace.at(-1)?.atMs ?? 0, { file, line, field: 'timestamp' });
    trace.push(request);
  }
  return trace;
}

function parseLine(text: string, where: TraceLocation): TraceRequest {
  const fields = parseObject(text, where);
  const number = (field: string, min: number): number =>
    wholeNumber(fields[field], { ...where, field, min });
  const inputTokens = number('input_length', 1);
  return {
    atMs: number('timestamp', 0),
    inputTokens,
    outputTokens: number('output_length', 1),
    blockIds: parseBlockIds(fields['hash_ids'], inputTokens, { ...where, field: 'hash_ids' }),
  };
}

function parseObject(text: string, where: TraceLocation): Partial<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TraceFormatError(where, 'is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TraceFormatError(where, 'is not a JSON object');
  }
  return { ...value };
}

function parseBlockIds(
  value: unknown,
  inputTokens: number,
  where: TraceLocation,
): readonly number[] {
  if (!Array.isArray(value)) throw new TraceFormatError(where, 'must be an array of block ids');
  const ids = value.map((id: unknown) => wholeNumber(id, { ...where, min: 0 }));
  const expected = Math.ceil(inputTokens / MOONCAKE_BLOCK_TOKENS);
  if (ids.length !== expected) {
    throw new TraceFormatError(
      where,
      `has ${ids.length} entries; ${inputTokens} tokens are ${expected} blocks`,
    );
  }
  return ids;
}
