// SPDX-License-Identifier: Apache-2.0
import { byteLengthOf, copySpan } from './chunk-list.ts';
import type { ByteSpan, ParsedRequest } from './parsed-request.ts';

/** Bytes that take the place of a span. */
interface Edit extends ByteSpan {
  readonly bytes: Uint8Array;
}

const nothing = new Uint8Array(0);

/**
 * The same body with another model: a chunk list that differs in nothing but the values of its `model` members. A body
 * without such a member gets one. Chunks are shared, not copied.
 */
export function spliceModel(
  chunks: readonly Uint8Array[],
  request: Pick<ParsedRequest, 'modelSpans' | 'firstMemberOffset'>,
  newModel: string,
): Uint8Array[] {
  return applyEdits(chunks, modelEdits(request, newModel));
}

/**
 * The same body without these members, each given from its key to the end of its value, and without the commas that
 * went with them. Chunks are shared, not copied.
 */
export function removeSpans(
  chunks: readonly Uint8Array[],
  spans: readonly ByteSpan[],
): Uint8Array[] {
  return applyEdits(chunks, removals(chunks, spans));
}

export interface BodyChange {
  /** The model's name from now on. Default: as it was. */
  readonly model?: string;
  /** Whether `kvTransferParamSpans` are removed. Default: no. */
  readonly stripTransferParams?: boolean;
}

/** Both at once, for spans are of the original body; and how long the new one is. */
export function changeBody(
  chunks: readonly Uint8Array[],
  request: Pick<ParsedRequest, 'modelSpans' | 'firstMemberOffset' | 'kvTransferParamSpans'>,
  change: BodyChange,
): { readonly chunks: Uint8Array[]; readonly contentLength: number } {
  const edits =
    change.stripTransferParams === true ? removals(chunks, request.kvTransferParamSpans) : [];
  if (change.model !== undefined) edits.push(...modelEdits(request, change.model));
  const changed = applyEdits(chunks, edits);
  return { chunks: changed, contentLength: byteLengthOf(changed) };
}

function modelEdits(
  { modelSpans, firstMemberOffset }: Pick<ParsedRequest, 'modelSpans' | 'firstMemberOffset'>,
  newModel: string,
): Edit[] {
  const literal = JSON.stringify(newModel);
  if (modelSpans.length === 0) {
    // A parsed body has another member, its prompt, so the comma is always right.
    const bytes = Buffer.from(`"model":${literal},`);
    return [{ start: firstMemberOffset, end: firstMemberOffset, bytes }];
  }
  const bytes = Buffer.from(literal);
  return modelSpans.map(({ start, end }) => ({ start, end, bytes }));
}

function applyEdits(chunks: readonly Uint8Array[], edits: readonly Edit[]): Uint8Array[] {
  if (edits.length === 0) return [...chunks];
  const changed: Uint8Array[] = [];
  let from = 0;
  for (const { start, end, bytes } of edits.toSorted(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    copySpan(chunks, { start: from, end: start }, (kept) => changed.push(kept));
    if (bytes.length > 0) changed.push(bytes);
    from = end;
  }
  copySpan(chunks, { start: from, end: Infinity }, (kept) => changed.push(kept));
  return changed;
}

function removals(chunks: readonly Uint8Array[], spans: readonly ByteSpan[]): Edit[] {
  const cuts: Edit[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const next = skipSpace(chunks, span.end, 1);
    if (byteAt(chunks, next) === COMMA)
      cuts.push({ start: span.start, end: next + 1, bytes: nothing });
    else cuts.push(cutOfLast(chunks, span, cuts));
  }
  return cuts;
}

/** The last member has no comma behind it: the one before it goes, unless that went with the members cut before. */
function cutOfLast(chunks: readonly Uint8Array[], span: ByteSpan, cuts: Edit[]): Edit {
  let { start } = span;
  let at = skipSpace(chunks, start - 1, -1);
  for (let cut = cuts.at(-1); cut !== undefined && at === cut.end - 1; cut = cuts.at(-1)) {
    cuts.pop();
    start = cut.start;
    at = skipSpace(chunks, start - 1, -1);
  }
  return { start: byteAt(chunks, at) === COMMA ? at : start, end: span.end, bytes: nothing };
}

const COMMA = 0x2c;

function byteAt(chunks: readonly Uint8Array[], offset: number): number | undefined {
  let base = 0;
  for (const chunk of chunks) {
    if (offset < base + chunk.length) return chunk[offset - base];
    base += chunk.length;
  }
  return undefined;
}

function skipSpace(chunks: readonly Uint8Array[], from: number, step: 1 | -1): number {
  let at = from;
  for (let byte = byteAt(chunks, at); isSpace(byte); byte = byteAt(chunks, at)) at += step;
  return at;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
