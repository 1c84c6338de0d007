import { Status, type GrpcStream, type GrpcStreamListener } from '@llm-d/grpc-server';
import {
  InvalidMessageError,
  processingRequest,
  processingResponse,
  type HttpBody,
  type HttpHeaders,
  type Metadata,
  type ProcessingRequest,
  type HeaderValueOptionInit,
} from '@llm-d/protos';
import { at, plainOf } from '../proxy/plain-struct.ts';
import type { Does } from './misbehaviour.testing.ts';
import { ScriptedAnswer } from './scripted-answer.testing.ts';
import type { ScriptedBooks } from './scripted-books.testing.ts';
import type { ScriptedPicker } from './scripted-picker.testing.ts';
import { readBody, renamed, type ReadBody } from './scripted-request.testing.ts';
import { headersOf, refusal, sendChunks, setHeader } from './scripted-wire.testing.ts';

/** What all exchanges of a scripted endpoint picker share. */
export interface Shared {
  readonly does: Does;
  readonly picker: ScriptedPicker;
  readonly books: ScriptedBooks;
  readonly reportsServed: boolean;
  nextId: number;
  exchanges: number;
  openStreams: number;
  isDraining: boolean;
  /** It says nothing any more. */
  isDead: boolean;
  /** Headers of the latest request, whosever it is. */
  latest: ReadonlyMap<string, string>;
}

const DESTINATION = 'x-gateway-destination-endpoint';
const REWRITE = ['x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite'];
const OBJECTIVE = ['x-llm-d-inference-objective', 'x-gateway-inference-objective'];
const FAIRNESS = ['x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id'];
const FORGED = /^x-(prefiller|encoder|data-parallel|kv-cache-source)-/;
const NO_ENDPOINTS =
  'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request';

type State = 'idle' | 'receiving' | 'placed' | 'over';

/** One exchange of a scripted endpoint picker. */
export class ScriptedSession implements GrpcStreamListener {
  readonly #stream: GrpcStream;
  readonly #shared: Shared;
  readonly #isStranded: boolean;
  #state: State = 'idle';
  #headers: ReadonlyMap<string, string> = new Map();
  #subset: string | readonly string[] | undefined;
  #wished: string | undefined;
  #body: Buffer[] = [];
  #read: ReadBody = { kind: 'unread' };
  #answer: ScriptedAnswer | undefined;
  #runs = false;

  constructor(stream: GrpcStream, shared: Shared) {
    this.#stream = stream;
    this.#shared = shared;
    shared.exchanges++;
    shared.openStreams++;
    const { does } = shared;
    this.#isStranded =
      (does('tires') && shared.exchanges > 1000) ||
      (does('few streams') && shared.openStreams > 20);
  }

  onMessage(bytes: Uint8Array): void {
    const { does } = this.#shared;
    if (this.#shared.isDead || this.#isStranded) return;
    if (does('dies of large messages') && bytes.length > 4_000_000) this.#die();
    let message: ProcessingRequest;
    try {
      message = processingRequest.decode(bytes);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      if (does('dies of garbage')) this.#die();
      this.#stream.end(Status.invalidArgument, error.message);
      return;
    }
    this.#heed(message);
  }

  onHalfClose(): void {
    if (this.#shared.does('ignores half-closes')) return;
    this.#stream.end(Status.ok);
  }

  onClose(): void {
    const { does } = this.#shared;
    this.#shared.openStreams--;
    if (does('dies of vanished clients') && this.#state !== 'over') this.#die();
    this.#closeBooks();
  }

  #heed(message: ProcessingRequest): void {
    const { requestHeaders, requestBody, responseHeaders, responseBody, metadataContext } = message;
    if (requestHeaders !== null) this.#head(requestHeaders, metadataContext);
    else if (requestBody !== null) this.#chunk(requestBody, metadataContext);
    else if (message.requestTrailers !== null) this.#trailers();
    else if (responseHeaders !== null) {
      if (this.#state === 'placed') this.#answer?.head(responseHeaders, metadataContext);
      else this.#odd();
      if (responseHeaders.endOfStream) this.#finish();
    } else if (responseBody !== null) {
      const wasOver = this.#answer?.isOver ?? true;
      if (wasOver || this.#state !== 'placed') this.#odd();
      else this.#answer?.body(responseBody.body, responseBody.endOfStream);
      if (responseBody.endOfStream) this.#finish();
    } else if (message.responseTrailers !== null) {
      if (this.#state === 'placed') this.#answer?.trailers();
      else this.#odd();
      this.#finish();
    } else this.#odd();
  }

  #head({ headers, endOfStream }: HttpHeaders, metadata: Metadata | null): void {
    const { does } = this.#shared;
    if (this.#state !== 'idle' || headers === null) {
      this.#odd();
      return;
    }
    this.#headers = headersOf(headers, does);
    this.#shared.latest = this.#headers;
    this.#state = 'receiving';
    if (does('few headers only') && headers.headers.length > 30) this.#refuse(431, 'too large');
    if (!does('subset: on bodies only') || endOfStream) this.#hear(metadata);
    if (does('subset: not without a body') && endOfStream) this.#subset = undefined;
    if (endOfStream && !does('silent without a body')) this.#place(undefined);
  }

  #hear(metadata: Metadata | null): void {
    const hint = metadata?.filterMetadata['envoy.lb.subset_hint'];
    const subset = hint && at(plainOf(hint), 'x-gateway-destination-endpoint-subset');
    if (typeof subset === 'string') this.#subset = subset;
    // Only texts are ever sent.
    else if (Array.isArray(subset)) this.#subset = subset as readonly string[];
    const lb = metadata?.filterMetadata['envoy.lb'];
    const wished = lb && at(plainOf(lb), DESTINATION);
    if (typeof wished === 'string') this.#wished = wished;
  }

  #chunk({ body, endOfStream }: HttpBody, metadata: Metadata | null): void {
    const { does } = this.#shared;
    if (this.#state !== 'receiving') {
      if (this.#state === 'placed' && endOfStream && does('answers every end')) {
        sendChunks(
          (bytes) => {
            this.#send(bytes);
          },
          'requestBody',
          Buffer.alloc(0),
          {
            isLast: true,
            most: 1,
          },
        );
      } else this.#odd();
      return;
    }
    if (!does('subset: on headers only')) this.#hear(metadata);
    this.#body.push(Buffer.from(body));
    const isEmpty = body.length === 0;
    const ends =
      (endOfStream &&
        !(does('waits for an empty chunk') && !isEmpty) &&
        !(does('overlooks empty chunks') && isEmpty)) ||
      does('answers the first chunk') ||
      (does('ends at an empty chunk') && isEmpty);
    if (ends) this.#complete(false);
  }

  #trailers(): void {
    if (this.#state !== 'receiving') this.#odd();
    else if (!this.#shared.does('ignores request trailers')) this.#complete(true);
  }

  #complete(hasTrailers: boolean): void {
    const { does } = this.#shared;
    let body = Buffer.concat(this.#body);
    if (does('takes bodies for text')) body = Buffer.from(body.toString());
    if (does('small bodies only') && body.length > 100_000) {
      this.#refuse(413, 'too large');
      return;
    }
    if (does('fears depth') && body.includes('[[[[')) return;
    this.#read = readBody(this.#headers.get(':path') ?? '', body, does);
    if (this.#read.kind === 'bad') this.#refuse(400, this.#read.text);
    else this.#place(body, hasTrailers);
  }

  #refuse(status: number, text: string, reason?: string): void {
    const { does } = this.#shared;
    this.#state = 'over';
    if (does('routes, then refuses')) this.#send(processingResponse.encode({ requestHeaders: {} }));
    this.#send(refusal(status, text, { does, ...(reason !== undefined && { reason }) }));
    if (does('talks after a refusal'))
      this.#send(processingResponse.encode({ requestHeaders: {} }));
    if (does('dies of a bad request') && status === 400) this.#die();
    this.#stream.end(Status.ok);
  }

  #place(body: Buffer | undefined, hasTrailers = false): void {
    const { does, picker, books, isDraining } = this.#shared;
    if (isDraining && does('refuses in the end')) {
      this.#refuse(503, 'shutting down');
      return;
    }
    const forbidden = [
      ...(does('wants known objectives') ? OBJECTIVE : []),
      ...(does('wants no fairness id') ? FAIRNESS : []),
    ];
    if (forbidden.some((name) => this.#headers.has(name))) {
      this.#refuse(400, 'unknown');
      return;
    }
    const { model, prompt } = this.#read.kind === 'read' ? this.#read : { model: '', prompt: '' };
    const picked = picker.pick({
      model,
      prompt,
      subset: this.#subset,
      selection: this.#headers.get('test-epp-endpoint-selection'),
    });
    if (picked === undefined) {
      this.#noPlace(body);
      return;
    }
    books.requests++;
    books.running++;
    this.#runs = true;
    this.#route(does('obeys metadata') ? (this.#wished ?? picked) : picked, body, hasTrailers);
  }

  #noPlace(body: Buffer | undefined): void {
    const { does, picker } = this.#shared;
    if (does('waits for endpoints')) return;
    const isEmpty = body === undefined && picker.size === 0;
    if (isEmpty) this.#refuse(500, 'inference error: Internal - no pods available in datastore');
    else this.#refuse(503, NO_ENDPOINTS, 'rejected-no-endpoints');
  }

  #route(destination: string, body: Buffer | undefined, hasTrailers: boolean): void {
    const { does, books, reportsServed } = this.#shared;
    this.#state = 'placed';
    const from = this.#read.kind === 'read' ? this.#read.model : '';
    const to = REWRITE.flatMap((name) => this.#headers.get(name) ?? [])[0] ?? from;
    const passed =
      body === undefined || this.#read.kind !== 'read' ? body : renamed(body, { from, to }, does);
    this.#answer = new ScriptedAnswer({
      does,
      books,
      reportsServed,
      send: (bytes) => {
        this.#send(bytes);
      },
      names: { client: from, server: to },
      wantsStream: this.#read.kind === 'read' && this.#read.streams,
    });
    if (does('body before headers') && passed !== undefined) this.#sendBody(passed, hasTrailers);
    this.#sendHead(destination, passed);
    if (!does('body before headers') && passed !== undefined) this.#sendBody(passed, hasTrailers);
    const skips = this.#headers.get(':path')?.includes('count_tokens') ?? false;
    if (skips && !does('stays for count_tokens')) this.#stream.end(Status.ok);
  }

  #sendHead(destination: string, body: Buffer | undefined): void {
    const { does } = this.#shared;
    const metadata = { [DESTINATION]: { stringValue: destination } };
    const fields = { 'envoy.lb': { structValue: { fields: metadata } } };
    const removeHeaders = [
      ...(does('removes authorization') ? ['authorization'] : []),
      ...(does('lets forged headers pass')
        ? []
        : [...this.#headers.keys()].filter((name) => FORGED.test(name))),
    ];
    const headerMutation = { setHeaders: this.#setHeaders(destination, body), removeHeaders };
    this.#send(
      processingResponse.encode({
        requestHeaders: {
          response: { clearRouteCache: !does('keeps the route cache'), headerMutation },
        },
        ...(!does('no destination metadata') && { dynamicMetadata: { fields } }),
      }),
    );
  }

  #setHeaders(destination: string, body: Buffer | undefined): readonly HeaderValueOptionInit[] {
    const { does } = this.#shared;
    const headers = does('mixes up exchanges') ? this.#shared.latest : this.#headers;
    const set: HeaderValueOptionInit[] = [
      {
        ...setHeader(DESTINATION, destination),
        ...(does('keeps a destination that is there') && { appendAction: 1 as const }),
      },
    ];
    const length = body?.length ?? 0;
    if (length > 0 && !does('no content-length')) {
      set.push(
        setHeader('Content-Length', String(does('wrong content-length') ? length + 1 : length)),
      );
    }
    const made = does('same request id') ? 'one' : `made-${++this.#shared.nextId}`;
    const given = does('own request id') ? undefined : headers.get('x-request-id');
    set.push(setHeader('x-request-id', given ?? made));
    if (does('new trace')) set.push(setHeader('traceparent', '00-0-0-01'));
    for (const [name, value] of headers) {
      const isControl = [...FAIRNESS, ...OBJECTIVE].includes(name);
      if (isControl && does('repeats control headers')) set.push(setHeader(name, value));
      if (name === 'accept' && does('appends what it repeats')) {
        set.push({ ...setHeader(name, value), append: { value: true } });
      }
    }
    return does('values not raw')
      ? set.map(({ header }) => ({
          header: { key: header?.key, value: Buffer.from(header?.rawValue ?? '').toString() },
        }))
      : set;
  }

  #sendBody(body: Buffer, hasTrailers: boolean): void {
    const { does } = this.#shared;
    const send = (bytes: Uint8Array) => {
      this.#send(bytes);
    };
    if (body.length === 0 && does('forgets the end of an empty body')) return;
    const bytes =
      does('loses bytes between chunks') && body.length > 62_000
        ? Buffer.concat([body.subarray(0, 61_999), body.subarray(62_000)])
        : body;
    const most = does('body in one chunk') ? Infinity : 62_000;
    sendChunks(send, 'requestBody', bytes, { isLast: !hasTrailers, most });
    if (hasTrailers) send(processingResponse.encode({ requestTrailers: {} }));
  }

  #send(bytes: Uint8Array): void {
    if (!this.#shared.isDead) this.#stream.send(bytes);
  }

  #finish(): void {
    if (this.#state === 'placed') this.#state = 'over';
    this.#closeBooks();
  }

  #closeBooks(): void {
    if (!this.#runs || this.#shared.does('never closes its books')) return;
    this.#runs = false;
    this.#shared.books.running--;
  }

  #odd(): void {
    if (this.#shared.does('dies of disorder')) this.#die();
  }

  #die(): void {
    this.#shared.isDead = true;
  }
}
