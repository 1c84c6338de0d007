// SPDX-License-Identifier: Apache-2.0
import type { BodyResponse, ProcessingResponse } from '@llm-d/protos';
import type { StreamEnd } from '../proxy/ext-proc-stream.ts';
import {
  applyHeaderChange,
  headerChangeOf,
  type HeaderChange,
  type HeaderList,
} from '../proxy/header-list.ts';
import { at, plainOf, type PlainStruct } from '../proxy/plain-struct.ts';
import type {
  AnswerKind,
  ExchangeResult,
  ImmediateAnswer,
  PassedBody,
  Routing,
} from './exchange-result.ts';

const DESTINATION = 'x-gateway-destination-endpoint';

const KINDS = {
  requestHeaders: 'request-headers',
  requestBody: 'request-body',
  requestTrailers: 'request-trailers',
  responseHeaders: 'response-headers',
  responseBody: 'response-body',
  responseTrailers: 'response-trailers',
  immediateResponse: 'immediate',
} as const;

/** Reads what the endpoint picker says in one exchange, and notes what had no business where it came. */
export class AnswerReader {
  readonly #answers: AnswerKind[] = [];
  readonly #offences: string[] = [];
  readonly #bodies = { request: new BodyReader(), response: new BodyReader() };
  #sentRequest: HeaderList = [];
  #sentResponse: HeaderList | undefined;
  #routing: Routing | undefined;
  #immediate: ImmediateAnswer | undefined;
  #responseChange: HeaderChange | undefined;
  #responseMetadata: PlainStruct | undefined;
  #end: StreamEnd | undefined;
  #silence: string | undefined;

  /** The head of the request has been sent. */
  sentRequest(headers: HeaderList): void {
    this.#sentRequest = headers;
  }

  /** The head of the answer has been sent. */
  sentResponse(headers: HeaderList): void {
    this.#sentResponse = headers;
  }

  ended(end: StreamEnd): void {
    this.#end = end;
  }

  silent(awaited: string): void {
    this.#silence = awaited;
  }

  read(message: ProcessingResponse): void {
    const kind = message.response === undefined ? 'nothing' : KINDS[message.response];
    if (this.#immediate !== undefined) this.#offences.push(`${kind} after an immediate response`);
    if (this.#answers.at(-1) !== kind || !kind.endsWith('-body')) this.#answers.push(kind);
    const { requestHeaders, responseHeaders, requestBody, responseBody } = message;
    if (requestHeaders !== null) this.#route(message);
    else if (requestBody !== null) this.#body('request', requestBody);
    else if (responseHeaders !== null) this.#answerHead(message);
    else if (responseBody !== null) this.#body('response', responseBody);
    else if (message.immediateResponse !== null) {
      const { status, body, headers } = message.immediateResponse;
      const text = Buffer.from(body).toString();
      this.#immediate = { status: status?.code ?? 0, body: text, change: headerChangeOf(headers) };
    }
    if (kind.startsWith('response-') && message.dynamicMetadata !== null) {
      this.#responseMetadata = plainOf(message.dynamicMetadata);
    }
  }

  /** Whether there is nothing more to come: the stream is over, or the client has its answer. */
  get isOver(): boolean {
    return this.#end !== undefined || this.#immediate !== undefined;
  }

  has(kind: AnswerKind): boolean {
    return this.#answers.includes(kind);
  }

  /** Whether a chunk of the body was marked as the last one. */
  bodyEnded(of: 'request' | 'response'): boolean {
    return this.#bodies[of].ends > 0;
  }

  /** Bytes of the answer's body that came back. */
  get responseBytes(): number {
    return this.#bodies.response.bytes;
  }

  /** Chunks of the answer's body that came back. */
  get responseChunks(): number {
    return this.#bodies.response.chunks;
  }

  /** Where the request was sent to. */
  get destination(): string | undefined {
    return this.#routing?.destination;
  }

  result(stalledChunk?: number): ExchangeResult {
    return {
      requestHeaders: this.#sentRequest,
      answers: this.#answers,
      routing: this.#routing,
      requestBody: this.#bodies.request.read(),
      immediate: this.#immediate,
      responseChange: this.#responseChange,
      responseHeaders: applyHeaderChange(
        this.#sentResponse ?? [],
        this.#responseChange ?? { set: [], removed: [] },
      ),
      responseBody: this.#bodies.response.read(),
      stalledChunk,
      responseMetadata: this.#responseMetadata,
      end: this.#end,
      silence: this.#silence,
      offences: this.#offences,
    };
  }

  #route({ requestHeaders, dynamicMetadata }: ProcessingResponse): void {
    if (this.#routing !== undefined) this.#offences.push('a second answer to the request headers');
    const change = headerChangeOf(requestHeaders?.response?.headerMutation);
    const metadata = dynamicMetadata === null ? undefined : plainOf(dynamicMetadata);
    const destination = change.set.findLast(({ name }) => name.toLowerCase() === DESTINATION);
    const inMetadata = at(metadata, 'envoy.lb', DESTINATION);
    this.#routing = {
      change,
      headers: applyHeaderChange(this.#sentRequest, change),
      destination: destination?.value,
      metadataDestination: typeof inMetadata === 'string' ? inMetadata : undefined,
      clearsRouteCache: requestHeaders?.response?.clearRouteCache ?? false,
      metadata,
    };
  }

  #answerHead({ responseHeaders }: ProcessingResponse): void {
    if (this.#sentResponse === undefined) this.#offences.push('an answer to headers not yet sent');
    if (this.#responseChange !== undefined) this.#offences.push('a second answer to the headers');
    this.#responseChange = headerChangeOf(responseHeaders?.response?.headerMutation);
  }

  #body(of: 'request' | 'response', { response }: BodyResponse): void {
    const body = this.#bodies[of];
    const head = of === 'request' ? this.#routing : this.#responseChange;
    if (head === undefined) this.#offences.push(`${of} body before the answer to its headers`);
    if (body.ends > 0) this.#offences.push(`${of} body after its end`);
    const streamed = response?.bodyMutation?.streamedResponse ?? undefined;
    if (streamed === undefined) {
      this.#offences.push(`${of} body answered without streamed_response`);
      return;
    }
    body.push(streamed.body, streamed.endOfStream);
  }
}

class BodyReader {
  readonly #chunks: Uint8Array[] = [];
  bytes = 0;
  ends = 0;

  get chunks(): number {
    return this.#chunks.length;
  }

  push(chunk: Uint8Array, isLast: boolean): void {
    this.#chunks.push(chunk);
    this.bytes += chunk.length;
    if (isLast) this.ends++;
  }

  read(): PassedBody {
    const chunkBytes = this.#chunks.map(({ length }) => length);
    return { bytes: Buffer.concat(this.#chunks), chunkBytes, ends: this.ends };
  }
}
