// SPDX-License-Identifier: Apache-2.0
import type { StreamEnd } from '../proxy/ext-proc-stream.ts';
import type { HeaderChange, HeaderList } from '../proxy/header-list.ts';
import type { PlainStruct } from '../proxy/plain-struct.ts';

/** Kinds of messages that an endpoint picker sends. */
export type AnswerKind =
  | 'request-headers'
  | 'request-body'
  | 'request-trailers'
  | 'response-headers'
  | 'response-body'
  | 'response-trailers'
  | 'immediate'
  | 'nothing';

/** A body put together from the chunks that the endpoint picker passed on. */
export interface PassedBody {
  readonly bytes: Buffer;
  readonly chunkBytes: readonly number[];
  /** Chunks that were marked as the last one. */
  readonly ends: number;
}

/** The message that sends a request to its place. */
export interface Routing {
  readonly change: HeaderChange;
  /** Headers of the request after the change, as the model server gets them. */
  readonly headers: HeaderList;
  /** Value of the destination header that was set; undefined for none. */
  readonly destination: string | undefined;
  /** The same from dynamic metadata. */
  readonly metadataDestination: string | undefined;
  readonly clearsRouteCache: boolean;
  readonly metadata: PlainStruct | undefined;
}

/** What the proxy is to answer by itself. */
export interface ImmediateAnswer {
  readonly status: number;
  readonly body: string;
  readonly change: HeaderChange;
}

/** Everything that came of an exchange. */
export interface ExchangeResult {
  /** Headers of the request as they were sent. */
  readonly requestHeaders: HeaderList;
  /** Kinds of messages in their order, runs of body chunks as one. */
  readonly answers: readonly AnswerKind[];
  readonly routing: Routing | undefined;
  readonly requestBody: PassedBody;
  readonly immediate: ImmediateAnswer | undefined;
  /** What was changed about the answer's head; undefined where the endpoint picker did not say that it goes on. */
  readonly responseChange: HeaderChange | undefined;
  /** Headers of the answer as the client gets them. */
  readonly responseHeaders: HeaderList;
  readonly responseBody: PassedBody;
  /** Index of the first chunk of a stepwise answer of which nothing came back before the next one was sent. */
  readonly stalledChunk: number | undefined;
  /** Dynamic metadata that came with the response phase. */
  readonly responseMetadata: PlainStruct | undefined;
  /** How the endpoint picker ended the stream; undefined where the proxy did. */
  readonly end: StreamEnd | undefined;
  /** What the proxy waited for in vain. */
  readonly silence: string | undefined;
  /** Messages that had no business where they came, in words. */
  readonly offences: readonly string[];
}
