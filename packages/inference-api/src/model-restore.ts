// SPDX-License-Identifier: Apache-2.0
import { apis } from './api.ts';
import type { ApiKind } from './api-descriptor.ts';
import { JsonScanner } from './json/json-scanner.ts';
import { PathReader, pathNode } from './json/path-reader.ts';
import type { FoundValue, PathNode } from './json/path-reader.ts';
import { TextBuffer } from './json/text-buffer.ts';

export interface ModelRestorerOptions {
  readonly api: ApiKind;
  /** Whether the response is a stream of server-sent events, by its content type; else it is one JSON body. */
  readonly streaming: boolean;
  /** The model that answers: the name to be replaced. */
  readonly servedModel: string;
  /** The model that the client asked for. Where it is the served one, nothing needs to be restored. */
  readonly clientModel: string;
}

/**
 * Gives a response the model name that the client used. Only the fields that carry the name are changed, and only if
 * they hold the served model; the same bytes in a content stay.
 */
export interface ModelRestorer {
  /**
   * Takes the next bytes and returns those that can go on, in order. Held back are only the bytes of a name that has
   * not ended. Chunks are shared, not copied.
   */
  push(chunk: Uint8Array): Uint8Array[];
  /** The stream is over: returns what was held back, unchanged. */
  end(): Uint8Array[];
}

/** A restorer for one response. */
export function createModelRestorer(options: ModelRestorerOptions): ModelRestorer {
  return new Restorer(options);
}

const MAX_DEPTH = 256;
/** A byte of a name takes at most six to spell. */
const LONGEST_ESCAPE = 6;

/** The tree of the paths at which responses of an API name their model. */
function modelPaths(paths: readonly (readonly string[])[]): PathNode<'model'> {
  const heads = [...new Set(paths.map(([head]) => head))].filter((head) => head !== undefined);
  return pathNode<'model'>(
    Object.fromEntries(
      heads.map((head) => {
        const tails = paths.filter(([first]) => first === head).map((path) => path.slice(1));
        return [head, tails.some(({ length }) => length === 0) ? 'model' : modelPaths(tails)];
      }),
    ),
  );
}

const LF = 0x0a;
const CR = 0x0d;
const DATA = Buffer.from('data:');
/** Without its opening quote, whose frequency would slow the search down. */
const MODEL_KEY = Buffer.from('model"');

/** Inside a line of a stream: its field name is being read, its data are scanned, or it does not matter. */
type LineState = 'field' | 'data' | 'other';

class Restorer implements ModelRestorer {
  readonly #streaming: boolean;
  readonly #served: Uint8Array;
  readonly #replacement: Uint8Array;
  readonly #scanner: JsonScanner;
  readonly #paths: PathReader<'model'>;
  readonly #text = new TextBuffer();

  #out: Uint8Array[] = [];
  /** The chunk at hand and how much of it has been handed on or replaced. */
  #chunk: Uint8Array = new Uint8Array(0);
  #passed = 0;
  /** Where the document being scanned began, as an index of this chunk: below 0 if in an earlier one. */
  #documentStart = 0;
  /** Bytes of earlier chunks, from the opening quote of a name that has not ended. */
  #held: Uint8Array[] = [];

  #lineState: LineState = 'field';
  #fieldBytes = 0;
  /** The last name replaced, as indices of this chunk, and how many there were in the line. */
  #nameStart = 0;
  #nameEnd = 0;
  #namesInLine = 0;
  /** A line from its start through its name; most lines of a stream begin like that. */
  #knownHead = Buffer.alloc(0);
  #knownNameBytes = 0;

  constructor(options: ModelRestorerOptions) {
    this.#streaming = options.streaming;
    this.#served = Buffer.from(options.servedModel);
    this.#replacement = Buffer.from(JSON.stringify(options.clientModel));
    this.#paths = new PathReader({
      root: modelPaths(apis[options.api].responseModelPaths),
      text: this.#text,
      found: (_leaf, value) => {
        this.#found(value);
      },
    });
    this.#scanner = new JsonScanner({
      visitor: this.#paths,
      text: this.#text,
      maxDepth: MAX_DEPTH,
    });
  }

  push(chunk: Uint8Array): Uint8Array[] {
    this.#out = [];
    this.#chunk = chunk;
    this.#passed = 0;
    if (this.#streaming) this.#lines();
    else this.#scanner.push(chunk);
    const from = this.#openNameStart();
    if (from >= 0) this.#passUntil(from);
    if (from < chunk.length) this.#held.push(chunk.subarray(Math.max(0, from)));
    this.#documentStart -= chunk.length;
    return this.#out;
  }

  end(): Uint8Array[] {
    const rest = this.#held;
    this.#held = [];
    return rest;
  }

  /** Where in this chunk a name begins that may have to be replaced and has not ended; its length if there is none. */
  #openNameStart(): number {
    const { length } = this.#chunk;
    const { openString } = this.#paths;
    if (openString < 0 || this.#scanner.failure !== undefined) return length;
    const start = openString + this.#documentStart;
    // What is longer than the served name can be spelled is another name.
    return length - start > LONGEST_ESCAPE * this.#served.length + 1 ? length : start;
  }

  #found({ kind, textStart, start, end }: FoundValue): void {
    if (kind !== 'string' || !this.#text.endsWith(textStart, this.#served)) return;
    this.#replace(start + this.#documentStart, end + this.#documentStart);
  }

  #replace(from: number, to: number): void {
    if (from < 0) this.#held = [];
    else this.#passUntil(from);
    this.#out.push(this.#replacement);
    this.#passed = to;
    this.#nameStart = from;
    this.#nameEnd = to;
    this.#namesInLine++;
  }

  #passUntil(end: number): void {
    this.#out.push(...this.#held);
    this.#held = [];
    if (end > this.#passed) this.#out.push(this.#chunk.subarray(this.#passed, end));
    this.#passed = end;
  }

  /** A line ends with LF or CR; CR LF makes an empty one more, which does no harm. */
  #lines(): void {
    const chunk = this.#chunk;
    let cr = chunk.indexOf(CR);
    for (let at = 0; at < chunk.length;) {
      if (cr >= 0 && cr < at) cr = chunk.indexOf(CR, at);
      const lf = chunk[at] === LF ? at : chunk.indexOf(LF, at);
      const end = cr >= 0 && (lf < 0 || cr < lf) ? cr : lf;
      if (end < 0) {
        this.#linePart(at, chunk.length);
        return;
      }
      if (!this.#isLineStart() || !this.#knownLine(at, end)) {
        this.#linePart(at, end);
        this.#learn(at);
      }
      this.#endLine();
      at = end + 1;
    }
  }

  #isLineStart(): boolean {
    return this.#lineState === 'field' && this.#fieldBytes === 0;
  }

  /** Deals with a whole line without scanning it: one without the key, or one that begins like the line before. */
  #knownLine(start: number, end: number): boolean {
    const line = Buffer.from(this.#chunk.buffer, this.#chunk.byteOffset + start, end - start);
    const { length } = this.#knownHead;
    if (length === 0 || line.length < length || this.#knownHead.compare(line, 0, length) !== 0) {
      return !line.includes(MODEL_KEY);
    }
    if (line.includes(MODEL_KEY, length)) return false;
    this.#replace(start + length - this.#knownNameBytes, start + length);
    return true;
  }

  #linePart(start: number, end: number): void {
    let at = start;
    while (this.#lineState === 'field' && at < end) {
      if (this.#chunk[at] !== DATA[this.#fieldBytes]) this.#lineState = 'other';
      else {
        at++;
        this.#fieldBytes++;
        if (this.#fieldBytes === DATA.length) this.#beginData(at);
      }
    }
    if (this.#lineState === 'data') this.#scanner.push(this.#chunk.subarray(at, end));
  }

  #beginData(at: number): void {
    this.#lineState = 'data';
    this.#scanner.reset();
    this.#documentStart = at;
  }

  /** Remembers how a line that ends begins, if this chunk has all of it and one name was replaced. */
  #learn(start: number): void {
    if (this.#namesInLine !== 1 || this.#documentStart !== start + DATA.length) return;
    this.#knownHead = Buffer.from(this.#chunk.subarray(start, this.#nameEnd));
    this.#knownNameBytes = this.#nameEnd - this.#nameStart;
  }

  #endLine(): void {
    this.#lineState = 'field';
    this.#fieldBytes = 0;
    this.#namesInLine = 0;
    this.#paths.reset();
  }
}
