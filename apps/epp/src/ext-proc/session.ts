// SPDX-License-Identifier: Apache-2.0
import { evicted, shuttingDown, type Picked, type Refusal } from '@llm-d/endpoint-picker';
import type { ApiKind } from '@llm-d/inference-api';
import { Status, type GrpcStreamListener, type StreamClose } from '@llm-d/grpc-server';
import {
  BodySendMode,
  encodeHeadersResponse,
  InvalidMessageError,
  processingResponse,
  readProxyMessage,
  type ProxyMessage,
} from '@llm-d/protos';
import type { DynamicMetadata, Termination } from '@llm-d/scheduler-core';
import { Answer } from './answer.ts';
import { decisionHeader } from './debug-header.ts';
import { plainMetadata, structOf } from './envoy-metadata.ts';
import { readHeaders } from './header-map.ts';
import { immediateAnswer, type Denial } from './immediate-answer.ts';
import { Inbound, type ReadyRequest } from './inbound.ts';
import { Outflow, type SessionStream } from './outflow.ts';
import { requestAnswer } from './request-answer.ts';
import type { SessionContext } from './session-context.ts';

/** Where one HTTP exchange stands. */
type State =
  /** The proxy has said nothing. */
  | { readonly kind: 'idle' }
  /** The head is known, the body is coming. */
  | { readonly kind: 'receiving'; readonly inbound: Inbound }
  /** The request is complete and waits for its place. */
  | { readonly kind: 'placing'; readonly inbound: Inbound; readonly abort: AbortController }
  /** The request has its place, its answer has not begun. */
  | { readonly kind: 'placed'; readonly answer: Answer }
  /** The answer's head has come. */
  | { readonly kind: 'answering'; readonly answer: Answer }
  /** An answer that belongs to no placed request, such as the proxy's own: it passes as it is. */
  | { readonly kind: 'bystanding' }
  /** Nothing that comes matters. */
  | { readonly kind: 'over' };

export interface SessionOptions {
  /** Called once, when the stream is over, with how the exchange went. */
  readonly closed?: (termination: Termination) => void;
}

const OVER: State = { kind: 'over' };

/**
 * One ext_proc stream, which accompanies one HTTP exchange through the proxy. Messages of the proxy move it on; what has
 * no place in its state is ignored, so that neither a repeated end of a body nor a late chunk does harm.
 */
export class Session implements GrpcStreamListener {
  readonly #context: SessionContext;
  readonly #options: SessionOptions;
  readonly #out: Outflow;
  #state: State = { kind: 'idle' };
  /** Set when the state is `over`, unless there never was a request. */
  #termination: Termination | undefined;
  /** The proxy has said its last word. */
  #isHungUp = false;
  /** The proxy keeps the bodies of answers to itself, so that nobody here learns when an answer is over. */
  #seesNoBody = false;

  constructor(stream: SessionStream, context: SessionContext, options: SessionOptions = {}) {
    this.#out = new Outflow(stream);
    this.#context = context;
    this.#options = options;
  }

  onMessage(bytes: Uint8Array): void {
    let message: ProxyMessage;
    try {
      message = readProxyMessage(bytes);
    } catch (error) {
      if (!(error instanceof InvalidMessageError)) throw error;
      this.#close('error');
      this.#out.end(Status.invalidArgument, error.message);
      return;
    }
    switch (message.phase) {
      case 'responseBody':
        this.#answerBody(message);
        break;
      case 'requestBody':
        this.#requestBody(message);
        break;
      case 'requestHeaders':
        this.#requestHead(message);
        break;
      case 'responseHeaders':
        this.#answerHead(message);
        break;
      case 'requestTrailers':
        this.#requestEnd({ hasTrailers: true });
        break;
      case 'responseTrailers':
        this.#answerTrailers();
    }
  }

  onHalfClose(): void {
    // Whoever asks and hangs up at once still gets to know where to go.
    this.#isHungUp = true;
    if (this.#state.kind === 'placing') return;
    this.#close('client-disconnect');
    this.#out.end(Status.ok);
  }

  onDrain(): void {
    this.#out.drained();
  }

  onClose({ reason }: StreamClose): void {
    // Proxies reset streams whose exchange is over as well: by then there is nothing to close.
    const isExpected = this.#seesNoBody && this.#state.kind === 'placed' && reason === 'reset';
    const cut = reason === 'connection-lost' ? 'error' : 'client-disconnect';
    this.#close(isExpected ? 'natural' : cut);
    this.#options.closed?.(this.#termination ?? 'natural');
  }

  /** Refuses a request that has no place yet. */
  shutDown(): void {
    if (this.#state.kind !== 'placing' && this.#state.kind !== 'receiving') return;
    this.#deny(this.#state.inbound, { kind: 'refusal', refusal: shuttingDown });
  }

  #requestHead(message: ProxyMessage): void {
    if (this.#state.kind !== 'idle') return;
    const { metadataContext, protocolConfig, endOfStream } = message;
    const inbound = new Inbound(message, this.#context);
    inbound.heed(metadataContext);
    this.#state = { kind: 'receiving', inbound };
    // Older proxies do not say what they will send.
    const { requestBodyMode = STREAMED, responseBodyMode = STREAMED } = protocolConfig ?? {};
    this.#seesNoBody = responseBodyMode === BodySendMode.NONE;
    if (endOfStream || requestBodyMode === BodySendMode.NONE) {
      void this.#place(inbound, inbound.withoutBody());
    } else if (requestBodyMode !== STREAMED) {
      // Such a proxy waits for an answer before it sends the body that the answer depends on.
      this.#context.logger.error('the proxy’s request_body_mode is not FULL_DUPLEX_STREAMED', {
        requestId: inbound.id,
        requestBodyMode,
      });
      this.#deny(inbound, { kind: 'internal' });
    }
  }

  #requestBody({ body, endOfStream, metadataContext }: ProxyMessage): void {
    if (this.#state.kind !== 'receiving') return;
    const { inbound } = this.#state;
    inbound.heed(metadataContext);
    const error = inbound.push(body);
    if (error !== undefined) this.#deny(inbound, { kind: 'bad-request', error });
    else if (endOfStream) this.#requestEnd({ hasTrailers: false });
  }

  #requestEnd(end: { readonly hasTrailers: boolean }): void {
    if (this.#state.kind !== 'receiving') return;
    const { inbound } = this.#state;
    const request = inbound.complete(end);
    if (request.kind === 'bad') this.#deny(inbound, { kind: 'bad-request', error: request.error });
    else void this.#place(inbound, request);
  }

  /** Never rejects. */
  async #place(inbound: Inbound, request: ReadyRequest): Promise<void> {
    const { picker, logger } = this.#context;
    const { arrivedMs, id: requestId } = inbound;
    const { scheduling, limits } = request;
    const abort = new AbortController();
    this.#state = { kind: 'placing', inbound, abort };
    try {
      const picked = await picker.pick(scheduling, { arrivedMs, signal: abort.signal, ...limits });
      if (picked.kind === 'refused') this.#refuse(inbound, request, picked);
      else this.#accept(inbound, request, picked);
    } catch (error) {
      logger.error('a request could not be placed', { requestId, error });
      this.#deny(inbound, { kind: 'internal' });
    }
  }

  #refuse(inbound: Inbound, { body }: ReadyRequest, refusal: Refusal): void {
    const isEmpty = this.#context.picker.fleet.snapshot().length === 0;
    const kind = body === undefined && isEmpty ? 'empty-pool' : 'refusal';
    this.#deny(inbound, { kind, refusal });
  }

  #accept(inbound: Inbound, request: ReadyRequest, picked: Picked): void {
    const { settings } = this.#context;
    const { api } = inbound;
    const { exchange } = picked;
    if (this.#state.kind !== 'placing') {
      exchange.end({ termination: 'client-disconnect' });
      return;
    }
    const { body, hasTrailers } = request;
    const { model, targetModel, streaming } = request.scheduling;
    const { repeatsHeaders } = settings;
    const decision = inbound.wantsDecision
      ? decisionHeader(this.#context.picker.decisions, inbound.id)
      : undefined;
    const answer = new Answer({
      api,
      request: { model, targetModel, streaming },
      exchange,
      repeatsHeaders,
      decision,
    });
    this.#state = { kind: 'placed', answer };
    // Refers to nothing else of the request, which would live as long as its answer comes.
    exchange.onEvicted(() => {
      this.#evict(api);
    });
    this.#out.sendEncoded(requestAnswer(inbound, request, { picked, settings }));
    if (body !== undefined) this.#out.requestBody(body, { hasTrailers });
    if (this.#skipsAnswer(inbound, request)) {
      this.#close('natural');
      this.#out.end(Status.ok);
    } else if (this.#isHungUp) this.onHalfClose();
  }

  /** Whether nobody here wants to see the answer. A model's name must be given back whatever the options say. */
  #skipsAnswer({ route }: Inbound, { scheduling: { model, targetModel } }: ReadyRequest): boolean {
    if (route.kind === 'api' && route.skipsAnswer) return true;
    if (this.#context.settings.responseProcessing === 'full') return false;
    return model === '' || model === targetModel;
  }

  /** Makes the proxy answer the client. Does nothing where the client is gone. */
  #deny(inbound: Inbound, denial: Denial): void {
    if (this.#state.kind !== 'placing' && this.#state.kind !== 'receiving') return;
    this.#close('error');
    this.#sayNo(inbound.api, denial);
  }

  #sayNo(api: ApiKind | undefined, denial: Denial): void {
    const { errorFormat: format } = this.#context.settings;
    this.#out.send(immediateAnswer(denial, { api, format }));
    this.#out.end(Status.ok);
  }

  /** A client that has seen nothing is told; in the middle of an answer, the proxy cuts it off. */
  #evict(api: ApiKind | undefined): void {
    if (this.#state.kind !== 'placed' && this.#state.kind !== 'answering') return;
    this.#close('evicted');
    this.#sayNo(api, { kind: 'refusal', refusal: evicted });
  }

  #answerHead({ headers, endOfStream, metadataContext }: ProxyMessage): void {
    const state = this.#state;
    if (state.kind !== 'placed') {
      if (state.kind === 'over' || state.kind === 'answering') return;
      this.#close('error');
      this.#state = endOfStream ? OVER : { kind: 'bystanding' };
      this.#out.sendEncoded(UNCHANGED_HEAD);
      return;
    }
    const { answer } = state;
    this.#state = { kind: 'answering', answer };
    const change = answer.head(readHeaders(headers), plainMetadata(metadataContext));
    const isLast = endOfStream || this.#seesNoBody;
    const metadata = isLast ? encoded(this.#close('natural')) : undefined;
    const head =
      change === undefined ? UNCHANGED_HEAD : encodeHeadersResponse('responseHeaders', change);
    this.#out.sendEncoded(metadata === undefined ? head : [head, metadata]);
  }

  #answerBody({ body, endOfStream }: ProxyMessage): void {
    const state = this.#state;
    if (state.kind === 'bystanding') this.#out.answerBody([body], { endOfStream });
    if (state.kind !== 'answering') return;
    const { answer } = state;
    const pieces = answer.push(body);
    if (!endOfStream) {
      if (pieces.length > 0) this.#out.answerBody(pieces, { endOfStream });
      answer.handled();
      return;
    }
    const rest = answer.finish();
    const all = rest.length === 0 ? pieces : [...pieces, ...rest];
    this.#out.answerBody(all, { endOfStream, with: encoded(this.#close('natural')) });
  }

  #answerTrailers(): void {
    const state = this.#state;
    if (state.kind === 'bystanding') this.#out.send({ responseTrailers: {} });
    if (state.kind !== 'answering') return;
    const rest = state.answer.finish();
    if (rest.length > 0) this.#out.answerBody(rest, { endOfStream: false });
    this.#out.send({ responseTrailers: {}, ...asMessage(this.#close('natural')) });
  }

  /** Closes the books of the exchange, whatever its state is; only the first time has an effect. */
  #close(termination: Termination): DynamicMetadata | undefined {
    const state = this.#state;
    this.#state = OVER;
    if (state.kind !== 'over' && state.kind !== 'idle') this.#termination = termination;
    if (state.kind === 'placing') state.abort.abort();
    return state.kind === 'placed' || state.kind === 'answering'
      ? state.answer.end(termination)
      : undefined;
  }
}

const STREAMED: number = BodySendMode.FULL_DUPLEX_STREAMED;

const UNCHANGED_HEAD = processingResponse.encode({ responseHeaders: { response: {} } });

const asMessage = (metadata: DynamicMetadata | undefined) =>
  metadata && { dynamicMetadata: structOf(metadata) };

const encoded = (metadata: DynamicMetadata | undefined): Uint8Array | undefined =>
  metadata && processingResponse.encode({ dynamicMetadata: structOf(metadata) });
