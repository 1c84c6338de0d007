// SPDX-License-Identifier: Apache-2.0
import { apiError } from './api-error.ts';
import type { ApiError, ApiErrorCode } from './api-error.ts';
import type { ApiDescriptor } from './api-descriptor.ts';
import type { JsonKind, JsonVisitor } from './json/json-scanner.ts';
import type { TextBuffer } from './json/text-buffer.ts';
import type { ByteSpan, ParsedRequest, ParseResult } from './parsed-request.ts';
import { PromptBuilder } from './prompt-builder.ts';
import { createFrame, openFrame } from './request-frame.ts';
import type { Frame } from './request-frame.ts';
import type { Field, MediaKind, ObjectShape, Shape, StringUse } from './request-shape.ts';

const mediaOfType: ReadonlyMap<string, MediaKind> = new Map([
  ['image', 'image'],
  ['image_url', 'image'],
  ['input_image', 'image'],
  ['image_embeds', 'image'],
  ['image_pil', 'image'],
  ['audio_url', 'audio'],
  ['input_audio', 'audio'],
  ['audio_embeds', 'audio'],
  ['video_url', 'video'],
  ['input_video', 'video'],
  ['video_embeds', 'video'],
  ['file', 'file'],
  ['input_file', 'file'],
  ['document', 'file'],
]);

const indefinite: Readonly<Record<JsonKind, string>> = {
  object: 'an object',
  array: 'an array',
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
  null: 'null',
};

/** Spans are kept of all members of a name, so there must be a bound to them. */
const MAX_REPEATS = 100;

const MAX_TOKEN_ID = 2 ** 32 - 1;
/**
 * Section, item and part of the item in one small integer: two bits for a part, 26 for an item, which are more items
 * than a body of 128 MiB can have.
 */
const PART_BITS = 2;
const SECTION_SHIFT = 28;

/**
 * Follows an API's request shape through a body and collects what it names. Of members with the same name the last
 * one counts, as everywhere. The first fault found is kept in `error`; nothing is read from then on.
 */
export class RequestReader implements JsonVisitor {
  error: ApiError | undefined;
  readonly #api: ApiDescriptor;
  readonly #text: TextBuffer;
  readonly #copyRaw: (span: ByteSpan, target: TextBuffer) => void;
  readonly #builder: PromptBuilder;

  /** Frame 0 stands for the document: an array, as it were, whose one item is the body. */
  readonly #frames: Frame[] = [];
  #depth = 0;
  #frame: Frame;
  /** The value at hand is not read. */
  #isSkipped = false;
  #textStart = 0;
  /** Pairs of a field's bit and the builder's piece count when the field began, for each open object. */
  readonly #marks: number[] = [];
  #repeats = 0;

  #model: string | undefined;
  readonly #modelSpans: ByteSpan[] = [];
  #firstMemberOffset = 0;
  #stream = false;
  #includeUsage = false;
  #limits: (number | undefined)[] = [];
  #cacheSalt: string | undefined;
  readonly #transferSpans: ByteSpan[] = [];
  /** Bits of the prompt fields that are there and not empty, there and empty, and of what stands for a prompt. */
  #filledPrompts = 0;
  #emptyPrompts = 0;
  #excuses = 0;

  constructor(
    api: ApiDescriptor,
    options: {
      readonly text: TextBuffer;
      /** Appends bytes of the body that have been scanned. */
      readonly copyRaw: (span: ByteSpan, target: TextBuffer) => void;
    },
  ) {
    this.#api = api;
    this.#text = options.text;
    this.#copyRaw = options.copyRaw;
    this.#builder = new PromptBuilder(options.text);
    this.#frame = this.#frameAt(0);
    this.#frame.items = { expected: 'an object', object: api.request };
  }

  key(text: TextBuffer, start: number, offset: number): void {
    if (this.error !== undefined) return;
    const frame = this.#frame;
    const field = frame.object && fieldNamed(frame.object, text, start);
    frame.field = field;
    frame.keyOffset = offset;
    if (field === undefined) return;
    if ((frame.seen & field.bit) !== 0) this.#repeat(frame, field);
    frame.seen |= field.bit;
    this.#marks.push(field.bit, this.#builder.mark());
  }

  begin(kind: JsonKind, offset: number): boolean {
    if (this.error !== undefined) return false;
    const frame = this.#frame;
    frame.valueOffset = offset;
    const reading = this.#beginAs(kind, frame);
    this.#isSkipped = !reading;
    return reading;
  }

  end(kind: JsonKind, end: number, value: number): void {
    if (this.error !== undefined) return;
    const isRead = !this.#isSkipped;
    this.#isSkipped = false;
    let isEmpty = false;
    if (kind === 'object' || kind === 'array') {
      if (isRead) isEmpty = this.#pop();
    } else {
      isEmpty = kind === 'string' && isRead && this.#text.used === this.#textStart;
      this.#endScalar(kind, end, isRead ? value : undefined);
    }
    const { field } = this.#frame;
    if (field !== undefined) this.#endField(field, { kind, end, isEmpty });
  }

  /** What was read, once the whole body was scanned without fault; an error if its prompt is missing. */
  finish(bodyBytes: number): ParseResult {
    if (this.#filledPrompts === 0 && this.#excuses === 0) {
      return { ok: false, error: this.#missingPrompt() };
    }
    const limit = this.#limits.find((value) => value !== undefined);
    const request: ParsedRequest = {
      api: this.#api.kind,
      model: this.#model,
      modelSpans: this.#modelSpans,
      firstMemberOffset: this.#firstMemberOffset,
      stream: this.#stream,
      includeUsage: this.#includeUsage,
      maxOutputTokens: limit === undefined || limit < 0 ? undefined : limit,
      ...this.#builder.finish(),
      cacheSalt: this.#cacheSalt,
      bodyBytes,
      kvTransferParamSpans: this.#transferSpans,
    };
    return { ok: true, request };
  }

  #beginAs(kind: JsonKind, frame: Frame): boolean {
    const isItem = frame.object === undefined;
    if (isItem) frame.index++;
    const shape = isItem ? frame.items : frame.field?.shape;
    if (shape === undefined) return false;
    if (frame.uniform) {
      frame.firstKind ??= kind;
      if (kind !== frame.firstKind) {
        return this.#refuse(kind, `${indefinite[frame.firstKind]}, like the items before it`);
      }
    }
    switch (kind) {
      case 'object':
        if (shape.object === undefined) return this.#mismatch(kind, shape);
        return this.#push(shape.object, undefined, false);
      case 'array':
        if (shape.array === undefined) return this.#mismatch(kind, shape);
        return this.#push(undefined, shape.array, shape.uniform === true);
      case 'string':
        if (shape.string === undefined) return this.#mismatch(kind, shape);
        this.#textStart = this.#text.used;
        return shape.string !== 'media';
      case 'number':
        return shape.number === undefined ? this.#mismatch(kind, shape) : true;
      case 'boolean':
        return shape.boolean === undefined ? this.#mismatch(kind, shape) : true;
      case 'null':
        return isItem ? this.#mismatch(kind, shape) : false;
    }
  }

  #mismatch(kind: JsonKind, shape: Shape): false {
    return shape.lenient === true ? false : this.#refuse(kind, shape.expected);
  }

  #refuse(kind: JsonKind, expected: string): false {
    this.#fail('invalid_type', `must be ${expected}, not ${indefinite[kind]}`);
    return false;
  }

  #push(object: ObjectShape | undefined, items: Shape | undefined, uniform: boolean): true {
    if (this.#depth === 0) this.#firstMemberOffset = this.#frame.valueOffset + 1;
    this.#depth++;
    const frame = this.#frameAt(this.#depth);
    openFrame(frame, { object, items, uniform, marksFrom: this.#marks.length });
    this.#frame = frame;
    return true;
  }

  /** Leaves the container at hand; tells whether it was an array without items. */
  #pop(): boolean {
    const frame = this.#frame;
    if (frame.object?.isPart === true) this.#endPart(frame);
    this.#marks.length = frame.marksFrom;
    this.#depth--;
    this.#frame = this.#frameAt(this.#depth);
    return frame.object === undefined && frame.index < 0;
  }

  #endPart(frame: Frame): void {
    const kind = frame.typeMedia ?? frame.memberMedia;
    if (kind === undefined) return;
    this.#builder.addMedia(this.#order(), { kind, payload: frame.payload });
  }

  #endScalar(kind: JsonKind, end: number, value: number | undefined): void {
    const frame = this.#frame;
    const shape = frame.object === undefined ? frame.items : frame.field?.shape;
    if (shape === undefined) return;
    if (kind === 'string' && shape.string !== undefined) this.#endString(shape.string, end);
    if (value === undefined) return;
    if (kind === 'number') this.#endNumber(shape, value);
    if (kind !== 'boolean') return;
    if (shape.boolean === 'stream') this.#stream = value === 1;
    else this.#includeUsage = value === 1;
  }

  #endString(use: StringUse, end: number): void {
    const start = this.#textStart;
    switch (use) {
      case 'text':
        this.#builder.addText(this.#order(), start);
        return;
      case 'media':
        this.#endPayload({ start: this.#frame.valueOffset, end });
        return;
      case 'model':
        this.#model = this.#text.stringFrom(start);
        break;
      case 'cacheSalt':
        this.#cacheSalt = this.#text.stringFrom(start);
        break;
      case 'partType':
        this.#frame.typeMedia = mediaOfType.get(this.#text.stringFrom(start));
        break;
    }
    this.#text.used = start;
  }

  /** A payload belongs to the content part around it, or is an item of its own where there is none. */
  #endPayload(payload: ByteSpan): void {
    let kind: MediaKind | undefined;
    for (let depth = this.#depth; depth > 0; depth--) {
      const frame = this.#frameAt(depth);
      kind ??= frame.field?.media;
      if (frame.object?.isPart !== true || depth === 1) continue;
      frame.memberMedia = kind;
      frame.payload = payload;
      return;
    }
    if (kind !== undefined) this.#builder.addMedia(this.#order(), { kind, payload });
  }

  #endNumber(shape: Shape, value: number): void {
    if (shape.number === 'token') {
      if (!Number.isInteger(value) || value < 0 || value > MAX_TOKEN_ID) {
        this.#fail('invalid_value', 'must be a token id, a whole number from 0 to 4294967295');
      } else this.#builder.addToken(this.#order(), value);
    } else if (!Number.isInteger(value)) {
      this.#fail('invalid_type', `must be ${shape.expected}`);
    } else this.#limits[this.#frame.field?.rank ?? 0] = value;
  }

  #endField(field: Field, ended: { kind: JsonKind; end: number; isEmpty: boolean }): void {
    const frame = this.#frame;
    const { kind, end } = ended;
    if (field.shape.string === 'model') this.#modelSpans.push({ start: frame.valueOffset, end });
    if (field.strip === true) this.#transferSpans.push({ start: frame.keyOffset, end });
    if (kind === 'null') return;
    if (field.raw === true) {
      const start = this.#text.used;
      this.#copyRaw({ start: frame.valueOffset, end }, this.#text);
      this.#builder.addText(this.#order(), start);
    }
    if (field.insteadOfPrompt === true) this.#excuses |= field.bit;
    if (field.prompt !== true) return;
    if (ended.isEmpty) this.#emptyPrompts |= field.bit;
    else this.#filledPrompts |= field.bit;
  }

  #repeat(frame: Frame, field: Field): void {
    this.#repeats++;
    if (this.#repeats > MAX_REPEATS) {
      frame.valueOffset = frame.keyOffset;
      this.#fail('invalid_value', `is one of more than ${MAX_REPEATS} repeated members`);
    } else this.#forget(frame, field);
  }

  /** Takes back what the last member of the same name brought; those before it were taken back then. */
  #forget(frame: Frame, field: Field): void {
    const marks = this.#marks;
    for (let at = marks.length - 2; at >= frame.marksFrom; at -= 2) {
      if (marks[at] !== field.bit) continue;
      this.#builder.drop(marks[at + 1] ?? 0, marks[at + 3] ?? this.#builder.mark());
      break;
    }
    if (frame.object?.isPart === true) {
      if (field.shape.string === 'partType') frame.typeMedia = undefined;
      if (field.media !== undefined && field.media === frame.memberMedia) {
        frame.memberMedia = undefined;
        frame.payload = undefined;
      }
    }
    if (this.#depth === 1) {
      this.#filledPrompts &= ~field.bit;
      this.#emptyPrompts &= ~field.bit;
      this.#excuses &= ~field.bit;
    }
    this.#forgetScalars(field);
  }

  #forgetScalars({ shape, rank }: Field): void {
    if (shape.string === 'model') this.#model = undefined;
    if (shape.string === 'cacheSalt') this.#cacheSalt = undefined;
    if (shape.boolean === 'stream') this.#stream = false;
    if (shape.boolean === 'includeUsage') this.#includeUsage = false;
    if (shape.number === 'limit') this.#limits[rank] = undefined;
    for (const field of shape.object?.fields ?? []) this.#forgetScalars(field);
  }

  /** Where a piece that ends here belongs: by its section of the body, its item in there, its part of the item. */
  #order(): number {
    const section = this.#frameAt(1).field?.order ?? 0;
    if (this.#depth < 3) return section << SECTION_SHIFT;
    const item = Math.max(0, this.#frameAt(2).index);
    const part = this.#frameAt(3).field?.order ?? 0;
    return (section << SECTION_SHIFT) | (item << PART_BITS) | part;
  }

  #frameAt(depth: number): Frame {
    const known = this.#frames[depth];
    if (known !== undefined) return known;
    const frame = createFrame();
    this.#frames.push(frame);
    return frame;
  }

  #missingPrompt(): ApiError {
    const fields = this.#api.request.fields.filter(({ prompt }) => prompt === true);
    const empty = fields.find(({ bit }) => (this.#emptyPrompts & bit) !== 0);
    if (empty !== undefined) {
      return apiError('invalid_value', `'${empty.name}' must not be empty`, empty.name);
    }
    const names = fields.map(({ name }) => `'${name}'`).join(' or ');
    const code = 'missing_required_parameter';
    return apiError(code, `the request has no ${names}`, fields[0]?.name ?? null);
  }

  #fail(code: ApiErrorCode, what: string): void {
    const path = this.#path();
    const subject = path === null ? 'the request body' : `'${path}'`;
    this.error = apiError(code, `${subject} ${what} (byte ${this.#frame.valueOffset})`, path);
  }

  /** The JSON path of the value at hand; null for the body itself. */
  #path(): string | null {
    let path = '';
    for (const frame of this.#frames.slice(1, this.#depth + 1)) {
      if (frame.object === undefined) path += `[${frame.index}]`;
      else path += `${path === '' ? '' : '.'}${frame.field?.name ?? '?'}`;
    }
    return path === '' ? null : path;
  }
}

function fieldNamed(object: ObjectShape, text: TextBuffer, start: number): Field | undefined {
  for (const field of object.fields) {
    if (text.endsWith(start, field.nameBytes)) return field;
  }
  return undefined;
}
