// SPDX-License-Identifier: Apache-2.0
import type { TraceRequest } from './trace.ts';
import { TraceFormatError, type TraceLocation } from './trace-format-error.ts';
import { inOrder, numberedLines, wholeNumber, type TraceParseOptions } from './trace-lines.ts';

const HEADER = 'TIMESTAMP,ContextTokens,GeneratedTokens';
/** `2023-11-16 18:15:46.6805900`; the 2024 release adds an offset, always `+00:00`. */
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(\.\d+)?(\+00:00)?$/;

/**
 * Reads a trace in the format of the Azure LLM inference traces: CSV with the header
 * `TIMESTAMP,ContextTokens,GeneratedTokens`. Times count from the first request; prompts have no identity.
 * Throws {@link TraceFormatError} at the first line that is not that.
 */
export function parseAzureTrace(
  source: string | Iterable<string>,
  options: TraceParseOptions = {},
): readonly TraceRequest[] {
  const file = options.file ?? 'trace';
  const lines = numberedLines(source);
  const header = lines.next();
  if (header.done === true || header.value[1] !== HEADER) {
    throw new TraceFormatError({ file, line: 1 }, `must be the header ${HEADER}`);
  }
  const trace: TraceRequest[] = [];
  let startMs: number | undefined;
  for (const [line, text] of lines) {
    const request = parseLine(text, { file, line });
    startMs ??= request.atMs;
    const atMs = request.atMs - startMs;
    inOrder(atMs, trace.at(-1)?.atMs ?? 0, { file, line, field: 'TIMESTAMP' });
    trace.push({ ...request, atMs });
  }
  return trace;
}

function parseLine(text: string, where: TraceLocation): TraceRequest {
  const columns = text.split(',');
  if (columns.length !== 3) {
    throw new TraceFormatError(where, `has ${columns.length} columns instead of 3`);
  }
  const [timestamp = '', context = '', generated = ''] = columns;
  const tokens = (column: string, field: string): number =>
    wholeNumber(/^\d+$/.test(column) ? Number(column) : column, { ...where, field, min: 1 });
  return {
    atMs: parseTimestamp(timestamp, { ...where, field: 'TIMESTAMP' }),
    inputTokens: tokens(context, 'ContextTokens'),
    outputTokens: tokens(generated, 'GeneratedTokens'),
    blockIds: [],
  };
}

/** Milliseconds since the Unix epoch. The fraction has seven digits, of which `Date.parse` would keep three. */
function parseTimestamp(text: string, where: TraceLocation): number {
  const [, date = '', time = '', fraction = ''] = TIMESTAMP.exec(text) ?? [];
  const secondMs = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(secondMs)) {
    throw new TraceFormatError(where, `is "${text}", not like 2023-11-16 18:15:46.6805900`);
  }
  return secondMs + Number(`0${fraction}`) * 1000;
}
