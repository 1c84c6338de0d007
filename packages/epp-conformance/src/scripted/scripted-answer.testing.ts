import { processingResponse, type HttpHeaders, type Metadata } from '@llm-d/protos';
import { at, plainOf } from '../proxy/plain-struct.ts';
import type { Does } from './misbehaviour.testing.ts';
import type { ScriptedBooks } from './scripted-books.testing.ts';
import { renameBack, type Renaming } from './scripted-renaming.testing.ts';
import { headersOf, sendChunks, setHeader, type Send } from './scripted-wire.testing.ts';

const SERVED = 'x-conformance-test-served-endpoint';

export interface AnswerOptions {
  readonly does: Does;
  readonly books: ScriptedBooks;
  readonly send: Send;
  readonly names: { readonly client: string; readonly server: string };
  readonly wantsStream: boolean;
  readonly reportsServed: boolean;
}

/** The answer of a model server on its way through a scripted endpoint picker. */
export class ScriptedAnswer {
  readonly #options: AnswerOptions;
  #isStream = false;
  #isError = false;
  #renames: Renaming | undefined;
  #held: Buffer[] = [];
  #text = '';
  #head: (() => void) | undefined;
  isOver = false;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  head({ headers, endOfStream }: HttpHeaders, metadata: Metadata | null): void {
    const { does, names, wantsStream, books } = this.#options;
    const values = headersOf(headers, does);
    const type = values.get('content-type') ?? '';
    this.#isStream = does('streams by the request') ? wantsStream : type.includes('event-stream');
    this.#isError = Number(values.get(':status')) >= 400;
    if (this.#isError && !does('server errors uncounted')) books.errors++;
    const streaming = this.#isStream;
    this.#renames = renameBack({ from: names.server, to: names.client, streaming }, does);
    this.#head = () => {
      this.#sendHead(metadata);
    };
    if (!does('head with the first chunk')) this.#release();
    if (endOfStream) this.isOver = true;
  }

  body(chunk: Uint8Array, isLast: boolean): void {
    const { does } = this.#options;
    this.#release();
    const bytes = does('answers as text')
      ? Buffer.from(Buffer.from(chunk).toString())
      : Buffer.from(chunk);
    this.#watch(bytes);
    const passed = this.#renames?.push(bytes) ?? bytes;
    this.#held.push(
      isLast ? Buffer.concat([passed, this.#renames?.end() ?? Buffer.alloc(0)]) : passed,
    );
    if (isLast) this.isOver = true;
    if (!isLast && (!this.#isStream || does('holds streams'))) return;
    this.#flush(isLast);
  }

  trailers(): void {
    const { does, send } = this.#options;
    this.isOver = true;
    if (does('ignores response trailers')) return;
    this.#held.push(this.#renames?.end() ?? Buffer.alloc(0));
    this.#flush(false);
    send(processingResponse.encode({ responseTrailers: {} }));
  }

  #release(): void {
    this.#head?.();
    this.#head = undefined;
  }

  #sendHead(metadata: Metadata | null): void {
    const { does, send, reportsServed } = this.#options;
    const set = does('header about its insides')
      ? [setHeader('x-went-into-resp-headers', 'true')]
      : [];
    if (does('changes headers of answers')) set.push(setHeader('content-type', 'text/html'));
    if (does('hides server errors') && this.#isError) set.push(setHeader(':status', '200'));
    if (reportsServed && !does('no served endpoint')) {
      const lb = metadata?.filterMetadata['envoy.lb'];
      const served = lb && at(plainOf(lb), 'x-gateway-destination-endpoint-served');
      set.push(
        setHeader(SERVED, typeof served === 'string' ? served : 'fail: missing envoy lb metadata'),
      );
    }
    const headerMutation = { setHeaders: set };
    send(processingResponse.encode({ responseHeaders: { response: { headerMutation } } }));
  }

  #flush(isLast: boolean): void {
    const { does, send } = this.#options;
    let bytes = Buffer.concat(this.#held);
    this.#held = [];
    if (isLast && does('loses the end of answers')) bytes = bytes.subarray(0, -1);
    if (bytes.length > 100_000 && does('small answers only')) bytes = bytes.subarray(0, 100_000);
    if (!isLast && bytes.length === 0) return;
    const most = does('small messages') ? 50 : 62_000;
    sendChunks(send, 'responseBody', bytes, { isLast: isLast && !does('marks no end'), most });
  }

  #watch(bytes: Buffer): void {
    const { does, books } = this.#options;
    if (does('no usage')) return;
    this.#text = does('usage by chunk') ? bytes.toString() : this.#text + bytes.toString();
    const [whole, tokens] = /"prompt_tokens":(\d+)/.exec(this.#text) ?? [];
    if (whole === undefined) return;
    books.inputTokens += Number(tokens);
    this.#text = '';
  }
}
